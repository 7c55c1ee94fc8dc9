import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import { join } from "node:path";
import { includeFilter } from "../../graph/include.ts";
import { digestOfBytes, digestOfFolder, type Digest } from "../../model/digest.ts";
import { isLitter, isWorthless } from "../../model/litter.ts";
import { regionOf } from "../../model/region.ts";
import type { Observation } from "../../plan/knowledge.ts";
import { errorCode, errorText } from "../disk/disk.ts";
import { lstatIfThere, statIfThere } from "../disk/stat.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { HashPool } from "./hash-pool.ts";
import { provenanceAt } from "../records/records.ts";
import { observeRegion } from "../disk/regions.ts";
import type { StatCache } from "./stat-cache.ts";

/** Called while big files are hashed: bytes done and in all. */
export type HashProgress = (file: string, done: number, total: number) => void;

export interface Place {
  readonly path: string;
  readonly kind: "file" | "folder" | "region" | "record";
  readonly include?: readonly string[];
}

export interface FolderFile {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
}

/** Files from this size on are read in pieces, so that progress shows and Ctrl-C works. */
const LARGE = 16 * 1024 * 1024;
const PIECE = 4 * 1024 * 1024;

/** Looks at files and folders, reading only what the stat cache does not know. */
export class Observer {
  readonly #root: string;
  readonly #cache: StatCache | null;
  readonly #evidence: Evidence | null;
  readonly #pool: HashPool | null;
  /** Big files that are being hashed right now. */
  readonly #hashing = new Map<string, Promise<Digest>>();

  /** Without cache and evidence nothing is remembered: for what will not stay where it is. */
  constructor(
    root: string,
    cache: StatCache | null,
    evidence: Evidence | null,
    pool: HashPool | null = null,
  ) {
    this.#root = root;
    this.#cache = cache;
    this.#evidence = evidence;
    this.#pool = pool;
  }

  async observe(place: Place, progress?: HashProgress): Promise<Observation> {
    try {
      if (place.kind === "region") return this.#region(place.path);
      if (place.kind === "record") return this.#record(place.path);
      return place.kind === "file"
        ? await this.#file(place.path, progress)
        : await this.#folder(place, progress);
    } catch (error) {
      return { state: "unreadable", error: errorText(error) };
    }
  }

  /** The files of a folder that match, sorted by path. Fails on dangling links: half a download. */
  async listFolder(place: Place, progress?: HashProgress): Promise<readonly FolderFile[]> {
    const accepts = includeFilter(place.include);
    const paths = filesBelow(join(this.#root, place.path), this.#evidence).sort().filter(accepts);
    // All at once, so that the shards of a checkpoint are hashed side by side.
    const looks = paths.map((path) => this.#file(`${place.path}/${path}`, progress));
    const observations = await Promise.all(looks);
    const files: FolderFile[] = [];
    for (const [index, path] of paths.entries()) {
      const found = observations[index];
      if (found === undefined) continue;
      if (found.state === "missing" && isGone(join(this.#root, place.path, path))) continue;
      if (found.state !== "present") {
        const problem =
          found.state === "missing" ? `${path} in it is gone, or a dangling link` : found.error;
        throw new Error(problem);
      }
      files.push({ path, digest: found.digest, size: found.size });
    }
    return files;
  }

  async #file(path: string, progress?: HashProgress): Promise<Observation> {
    const absolute = `${this.#root}/${path}`;
    const stat = statIfThere(absolute);
    this.#evidence?.notePlace(absolute, stat);
    if (stat === undefined) return { state: "missing" };
    if (!stat.isFile()) return { state: "unreadable", error: `${path} is not a file` };
    const { size } = stat;
    const known = this.#cache?.lookup(path, stat) ?? null;
    if (known !== null) return { state: "present", digest: known, size };
    const readAt = Date.now();
    const digest = await this.#hash(absolute, size, (done) => progress?.(path, done, size));
    this.#cache?.remember(path, stat, digest, readAt);
    return { state: "present", digest, size };
  }

  /** Read each time: a document is small, and its times tell nothing of one region. */
  #region(path: string): Observation {
    const absolute = `${this.#root}/${regionOf(path).file}`;
    this.#evidence?.notePlace(absolute, statIfThere(absolute));
    return observeRegion(this.#root, path);
  }

  /** Read each time, since only a part of the file counts. What is damaged counts as not there, as everywhere. */
  #record(path: string): Observation {
    const absolute = `${this.#root}/${path}`;
    this.#evidence?.notePlace(absolute, statIfThere(absolute));
    const text = provenanceAt(absolute);
    if (text === null) return { state: "missing" };
    return { state: "present", digest: digestOfBytes(text), size: text.length };
  }

  #hash(path: string, size: number, advance: (done: number) => void): Promise<Digest> {
    const pool = this.#pool;
    if (pool === null || size < LARGE) return hashFile(path, size, advance);
    const under = this.#hashing.get(path);
    if (under !== undefined) return under;
    advance(0);
    const digest = pool
      .hash(path, advance)
      .catch((error: unknown) => {
        if (pool.closed) throw error;
        return hashFile(path, size, advance); // without threads, then
      })
      .finally(() => this.#hashing.delete(path));
    this.#hashing.set(path, digest);
    return digest;
  }

  async #folder(place: Place, progress?: HashProgress): Promise<Observation> {
    const absolute = `${this.#root}/${place.path}`;
    const stat = statIfThere(absolute);
    this.#evidence?.notePlace(absolute, stat);
    if (stat === undefined) return { state: "missing" };
    if (!stat.isDirectory()) return { state: "unreadable", error: `${place.path} is not a folder` };
    const files = await this.listFolder(place, progress);
    if (files.length === 0 && place.include !== undefined) {
      return { state: "unreadable", error: `nothing in it matches ${place.include.join(", ")}` };
    }
    return {
      state: "present",
      digest: digestOfFolder(files.map(({ path, digest }) => [path, digest])),
      size: files.reduce((sum, { size }) => sum + size, 0),
    };
  }
}

/** Whether a name that was listed is there no more: an editor's file, for a moment. */
const isGone = (path: string): boolean => lstatIfThere(path) === undefined;

/** SHA-256 of a file, in pieces; `advance` gets the bytes done so far of large files. */
export async function hashFile(
  path: string,
  size: number,
  advance?: (done: number) => void,
): Promise<Digest> {
  const hash = createHash("sha256");
  if (size < LARGE) {
    hash.update(fs.readFileSync(path));
    return `sha256:${hash.digest("hex")}`;
  }
  const handle = await fs.promises.open(path, "r");
  try {
    // Two buffers: the next piece is read while the last one is hashed.
    let current = await handle.read(Buffer.allocUnsafe(PIECE), 0, PIECE);
    let spare = Buffer.allocUnsafe(PIECE);
    for (let done = 0; current.bytesRead > 0;) {
      const next = handle.read(spare, 0, PIECE);
      hash.update(current.buffer.subarray(0, current.bytesRead));
      done += current.bytesRead;
      advance?.(done);
      spare = current.buffer;
      current = await next;
    }
  } finally {
    await handle.close();
  }
  return `sha256:${hash.digest("hex")}`;
}

/**
 * The names in a folder. Names are bytes on most disks, and what is no UTF-8 would be read as another name
 * than it has: two files could become one.
 */
export function entriesOf(folder: string, shown: string): readonly fs.Dirent[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true });
  if (entries.some(({ name }) => name.includes("\uFFFD"))) {
    const bytes = fs.readdirSync(folder, { encoding: "buffer" }).find((name) => !isUtf8(name));
    if (bytes !== undefined) {
      const place = shown === "" ? "a name in it" : `a name in ${shown} in it`;
      throw new Error(`${place} is not UTF-8: ${bytes.toString("latin1")} (read as Latin-1)`);
    }
  }
  return entries;
}

/** The entries of a folder that could be meant as data: see `model/litter.ts`. */
function withoutLitter(folder: string, entries: readonly fs.Dirent[]): readonly fs.Dirent[] {
  const around = {
    has: (name: string): boolean => entries.some((entry) => entry.name === name),
    isEmpty: (name: string): boolean => (statIfThere(join(folder, name))?.size ?? 0) === 0,
  };
  return entries.filter((entry) => !isLitter(entry.name, entry.isDirectory(), around));
}

/** Absolute paths of what `withoutLitter` leaves out below a folder, if anybody could miss it. */
export function* personalLitter(folder: string): Generator<string> {
  const entries = entriesOf(folder, "");
  const counted = new Set(withoutLitter(folder, entries));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (!counted.has(entry)) {
      if (!isWorthless(entry.name)) yield path;
    } else if (entry.isDirectory()) yield* personalLitter(path);
  }
}

/** Relative paths of all files below a folder without litter, links included, forward slashes. */
export function filesBelow(folder: string, evidence: Evidence | null): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (absolute: string, prefix: string): void => {
    const real = fs.realpathSync(absolute);
    if (seen.has(real)) throw new Error(`${prefix || "the folder"} links back to itself`);
    seen.add(real);
    evidence?.notePlace(absolute, fs.statSync(absolute));
    for (const entry of withoutLitter(absolute, entriesOf(absolute, prefix))) {
      const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
      if (entry.isSymbolicLink()) evidence?.noteLinkInside(join(absolute, entry.name));
      if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(absolute, entry.name)))) {
        visit(join(absolute, entry.name), path);
      } else {
        found.push(path);
      }
    }
    seen.delete(real);
  };
  visit(folder, "");
  return found;
}

function isFolder(path: string): boolean {
  try {
    return fs.statSync(path).isDirectory();
  } catch (error) {
    if (["ENOENT", "ELOOP"].includes(errorCode(error))) return false; // told of when it is read
    throw error;
  }
}
