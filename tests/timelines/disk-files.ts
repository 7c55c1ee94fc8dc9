import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import { includeFilter } from "../../src/graph/include.ts";
import type { Content, Place } from "../engine/support/content.ts";
import type { Times as Moment } from "./timeline.ts";
import type { Times } from "./times.ts";

/** Far from today, so that they are told apart from what the file system says of itself. */
const PAST = 1_000_000_000.5;
const FUTURE = 2_200_000_000.5;

/** What a user, an editor or Git does to the files of a workspace, in all the ways they do it. */
export class DiskFiles {
  readonly root: string;
  readonly #elsewhere: string;
  readonly #times: Times;

  constructor(root: string, elsewhere: string, times: Times) {
    this.root = root;
    this.#elsewhere = elsewhere;
    this.#times = times;
    for (const folder of [root, elsewhere]) fs.mkdirSync(folder, { recursive: true });
  }

  at = (path: string): string => join(this.root, path);

  write(path: string, text: string, how: "in place" | "replace" | "link", times: Moment): void {
    const place = this.at(path);
    const before = this.#modified(place);
    this.#loosen(path);
    fs.mkdirSync(dirname(place), { recursive: true });
    if (how === "in place") fs.writeFileSync(place, text);
    else {
      const other = this.#newName();
      fs.writeFileSync(other, text);
      if (how === "replace") fs.renameSync(other, place);
      else {
        fs.rmSync(place, { force: true });
        fs.symlinkSync(other, place);
      }
    }
    this.#setTime(place, times, before);
  }

  remove(path: string): void {
    this.#loosen(path);
    loosenBelow(this.at(path));
    fs.rmSync(this.at(path), { recursive: true, force: true });
    this.#prune(path);
  }

  rename(from: string, to: string): void {
    if (from === to || !fs.existsSync(this.at(from))) return;
    this.#loosen(from);
    this.#loosen(to);
    fs.mkdirSync(dirname(this.at(to)), { recursive: true });
    fs.renameSync(this.at(from), this.at(to));
    this.#prune(from);
  }

  touch(path: string, times: Moment): void {
    const before = this.#modified(this.at(path));
    if (before !== null) this.#setTime(this.at(path), times, before);
  }

  linkAway(path: string): void {
    if (!fs.existsSync(this.at(path))) return;
    this.#loosen(path);
    const other = this.#newName();
    fs.renameSync(this.at(path), other);
    fs.symlinkSync(other, this.at(path));
  }

  linkFolder(folder: string, how: "away" | "back" | { path: string; text: string }): void {
    const place = this.at(folder);
    if (!isFolder(place)) return;
    this.#loosen(folder);
    const isLink = fs.lstatSync(place).isSymbolicLink();
    if (how === "back") {
      if (!isLink) return;
      const real = fs.realpathSync(place);
      fs.rmSync(place);
      // Another link may lead there, too.
      fs.cpSync(real, place, { recursive: true, verbatimSymlinks: true });
    } else if (how === "away") {
      const other = this.#newName();
      if (isLink) fs.symlinkSync(fs.readlinkSync(place), other);
      else fs.renameSync(place, other);
      this.#setLink(place, other);
    } else {
      const other = this.#newName();
      fs.cpSync(fs.realpathSync(place), other, { recursive: true, verbatimSymlinks: true });
      const inside = join(other, relative(folder, how.path));
      makeWritable(other, relative(folder, how.path));
      fs.mkdirSync(dirname(inside), { recursive: true });
      fs.rmSync(inside, { force: true, recursive: true });
      fs.writeFileSync(inside, how.text);
      if (!isLink) fs.renameSync(place, this.#newName());
      this.#setLink(place, other);
    }
  }

  /** As `ln -sfn` does. */
  #setLink(place: string, to: string): void {
    const link = this.#newName();
    fs.symlinkSync(to, link);
    fs.renameSync(link, place);
  }

  hardLink(from: string, to: string): void {
    const [file, name] = [this.at(from), this.at(to)];
    if (!fs.existsSync(file) || isFolder(file) || isFolder(name)) return;
    if (fs.existsSync(name) && fs.statSync(name).ino === fs.statSync(file).ino) return;
    this.#loosen(to);
    fs.mkdirSync(dirname(name), { recursive: true });
    fs.rmSync(name, { force: true });
    fs.linkSync(file, name);
  }

  setMode(path: string, writable: boolean): void {
    const place = this.at(path);
    if (!fs.existsSync(place)) return;
    fs.chmodSync(place, (isFolder(place) ? 0o555 : 0o444) | (writable ? 0o200 : 0));
  }

  swap(a: string, b: string): void {
    const [first, second] = [this.at(a), this.at(b)];
    if (`${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`)) return;
    if (!fs.existsSync(first) || !fs.existsSync(second)) return;
    this.#loosen(a);
    this.#loosen(b);
    const aside = this.#newName();
    fs.renameSync(first, aside);
    fs.renameSync(second, first);
    fs.renameSync(aside, second);
  }

  /** Whoever wants to change something makes it writable first. */
  #loosen(path: string): void {
    makeWritable(this.root, path);
  }

  #newName(): string {
    return join(this.#elsewhere, String(fs.readdirSync(this.#elsewhere).length));
  }

  #modified(place: string): number | null {
    return fs.existsSync(place) ? this.#times.modified(place) : null;
  }

  #setTime(place: string, times: Moment, before: number | null): void {
    const time = { now: Date.now() / 1000, kept: before, past: PAST, future: FUTURE }[times];
    if (times !== "now" && time !== null) fs.utimesSync(place, time, time);
  }

  /** A folder is there while a file is in it, as for Git. */
  #prune(path: string): void {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      const place = this.at(folder);
      if (!fs.existsSync(place) || fs.readdirSync(place).length > 0) return;
      if (fs.lstatSync(place).isSymbolicLink()) fs.rmSync(place);
      else fs.rmdirSync(place);
    }
  }

  /** Text by path of all files below a folder, links followed. */
  read(below: string): Map<string, string> {
    const files = new Map<string, string>();
    for (const path of this.list(below)) files.set(path, fs.readFileSync(this.at(path), "utf8"));
    return files;
  }

  /** Paths of all files, sorted; `skip` names folders at the top to leave out. */
  list(below = "", skip: readonly string[] = []): readonly string[] {
    const found: string[] = [];
    const visit = (folder: string): void => {
      for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
        const place = join(folder, entry.name);
        const path = relative(this.root, place);
        if (skip.includes(path)) continue;
        const isFolder = entry.isSymbolicLink()
          ? fs.statSync(place, { throwIfNoEntry: false })?.isDirectory()
          : entry.isDirectory();
        if (isFolder === true) visit(place);
        else found.push(path);
      }
    };
    if (fs.existsSync(this.at(below))) visit(this.at(below));
    return found.sort();
  }

  /** What an op reads. */
  contentAt(place: Place): Content | Error | null {
    const path = this.at(place.path);
    const stat = fs.statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    if (stat.isDirectory() !== (place.kind === "folder")) return new Error("of another kind");
    if (place.kind === "file") return fs.readFileSync(path, "utf8");
    const accepts = includeFilter(place.include);
    const inside = this.list(place.path)
      .map((file) => [file.slice(place.path.length + 1), file] as const)
      .filter(([name]) => accepts(name));
    return Object.fromEntries(
      inside.map(([name, file]) => [name, fs.readFileSync(this.at(file), "utf8")]),
    );
  }
}

const isFolder = (path: string): boolean =>
  fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Every folder on the way to a path, and what is there. */
function makeWritable(root: string, path: string): void {
  let place = root;
  for (const part of path.split("/")) {
    makeOneWritable(place);
    place = join(place, part);
  }
  makeOneWritable(place);
}

export function loosenBelow(place: string): void {
  const stat = fs.lstatSync(place, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return;
  makeOneWritable(place);
  for (const name of fs.readdirSync(place)) loosenBelow(join(place, name));
}

function makeOneWritable(place: string): void {
  const stat = fs.statSync(place, { throwIfNoEntry: false });
  if (stat === undefined || (stat.mode & 0o200) !== 0) return;
  fs.chmodSync(place, stat.isDirectory() ? 0o755 : 0o644);
}
