import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { canonicalJson } from "../../model/json.ts";
import { digestOfBytes, isDigest, type Digest } from "../../model/digest.ts";
import { whyNotInside } from "../../model/inside.ts";
import type { Content } from "../../ports.ts";
import type { StoredBlob } from "../../model/retention.ts";
import { disk, errorCode, putInPlace, readCache, writeCache } from "../disk/disk.ts";
import { modeToMove } from "../disk/permission.ts";
import { hashFile, type FolderFile } from "../observe/observer.ts";
import { readFileBytes, readFileText } from "../disk/bounded-read.ts";

/** About how much the store holds: kept beside the store, which would else be counted after each build. */
export interface Tally {
  readonly bytes: number;
  /** What was left after the last collection because lock records need it. */
  readonly floor: number;
}

/**
 * Content-addressed blobs under `.aqm/store/<2 hex>/<62 hex>`. A folder is stored as its files plus
 * the list of them, whose digest is the folder's digest. Blobs are checked when they are read.
 */
export class Store {
  readonly #folder: string;
  /** What the store held before this process put something in; undefined until it does. */
  #before: Tally | null | undefined;
  #added = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether this process has put anything in. */
  get grown(): boolean {
    return this.#before !== undefined;
  }

  /** Notes the new size, if there is one; call once at the end of a command. */
  close(): void {
    if (this.#before === undefined || this.#before === null) return;
    this.writeTally({ ...this.#before, bytes: this.#before.bytes + this.#added });
  }

  /** Null if it was not counted, or a process died before it could be. */
  readTally(): Tally | null {
    return readCache(this.#tallyPath) as Tally | null;
  }

  writeTally(tally: Tally): void {
    writeCache(this.#tallyPath, tally);
  }

  /** Every blob, and files that a crash left behind. Other files are none of the store's. */
  survey(): { readonly blobs: readonly StoredBlob[]; readonly leftovers: readonly string[] } {
    const blobs: StoredBlob[] = [];
    const leftovers: string[] = [];
    for (const shelf of namesIn(this.#folder)) {
      if (!/^[0-9a-f]{2}$/.test(shelf)) continue;
      for (const name of namesIn(join(this.#folder, shelf))) {
        const path = join(this.#folder, shelf, name);
        const digest = `sha256:${shelf}${name}`;
        const stat = fs.statSync(path, { throwIfNoEntry: false });
        if (stat?.isFile() !== true) continue;
        if (name.endsWith(".tmp")) leftovers.push(path);
        if (!isDigest(digest) || !isReadable(path)) continue;
        const members = (this.#folderList(digest) ?? []).map(([, file]) => file);
        blobs.push({ digest, bytes: stat.size, usedAt: stat.mtimeMs, members });
      }
    }
    return { blobs, leftovers };
  }

  remove(digest: Digest): void {
    disk.remove(this.#pathOf(digest));
  }

  has(digest: Digest): boolean {
    if (!isReadable(this.#pathOf(digest))) return false;
    const list = this.#folderList(digest);
    return list === null || list.every(([, file]) => isFile(this.#pathOf(file)));
  }

  putFile(source: string, digest: Digest): void {
    const path = this.#pathOf(digest);
    const { size } = fs.statSync(source);
    if (this.#isThere(path, size)) return;
    this.#grow(size);
    this.#put(path, (temporary) => disk.copy(source, temporary));
  }

  putFolder(source: string, files: readonly FolderFile[], digest: Digest): void {
    this.putFiles(
      files.map((file) => ({ ...file, source: join(source, file.path) })),
      digest,
    );
  }

  /** The files of a folder, wherever they lie, and their list, whose digest is the folder's. */
  putFiles(files: Content["files"], digest: Digest): void {
    for (const file of files) this.putFile(file.source, file.digest);
    const path = this.#pathOf(digest);
    const byPath = [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
    const list = canonicalJson(byPath.map((file) => [file.path, file.digest]));
    if (this.#isThere(path, Buffer.byteLength(list))) return;
    this.#grow(Buffer.byteLength(list));
    this.#put(path, (temporary) => disk.writeNew(temporary, list));
  }

  /** A shelf that its owner may not write (an archive restored it so) is opened. */
  #put(path: string, write: (temporary: string) => void): void {
    try {
      putInPlace(path, write);
    } catch (error) {
      const mode = errorCode(error) === "EACCES" ? modeToMove(dirname(path)) : null;
      if (mode === null) throw error;
      disk.allow(dirname(path), mode);
      putInPlace(path, write);
    }
  }

  /** A stored content as it lies here, so that it can be read; null when it is not there. */
  contentOf(digest: Digest, kind: Content["kind"]): Content | null {
    if (!this.has(digest)) return null;
    const list = kind === "file" ? [["", digest] as const] : this.#folderList(digest);
    if (list === null) return null;
    const files = list.map(([path, file]) => ({ path, digest: file, source: this.#pathOf(file) }));
    return { digest, kind, files };
  }

  /** The content of a stored file; null when it is not there, or damaged. */
  text(digest: Digest): string | null {
    const path = this.#pathOf(digest);
    const bytes = isReadable(path) ? readFileBytes(path) : null;
    return bytes !== null && digestOfBytes(bytes) === digest ? bytes.toString("utf8") : null;
  }

  /** Writes a blob's content to `target`; false, and nothing written, when the blob is damaged. */
  async takeOut(digest: Digest, kind: "file" | "folder", target: string): Promise<boolean> {
    if (kind === "file") return this.#takeOutFile(digest, target);
    const list = this.#folderList(digest);
    if (list === null) {
      disk.remove(this.#pathOf(digest)); // likewise
      return false;
    }
    touch(this.#pathOf(digest));
    disk.makeFolder(target);
    for (const [path, file] of list) {
      if (!(await this.#takeOutFile(file, join(target, path)))) return false;
    }
    return true;
  }

  async #takeOutFile(digest: Digest, target: string): Promise<boolean> {
    const path = this.#pathOf(digest);
    if (!isReadable(path)) return false; // somebody else removed it meanwhile
    const found = await hashFile(path, fs.statSync(path).size);
    if (found !== digest) {
      disk.remove(path); // a damaged blob must not be offered again
      return false;
    }
    touch(path);
    disk.makeFolder(dirname(target));
    disk.copy(path, target);
    return true;
  }

  /** Whether there is such a blob; what is in its place but cannot be it is removed. */
  #isThere(path: string, size: number): boolean {
    if (isReadable(path) && fs.statSync(path).size === size) return touch(path);
    if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) disk.remove(path);
    return false;
  }

  /** From the first blob to the end of the process the tally is away: a crash makes it unknown. */
  #grow(bytes: number): void {
    if (this.#before === undefined) {
      const isNew = !fs.existsSync(this.#folder);
      this.#before = isNew ? { bytes: 0, floor: 0 } : this.readTally();
      if (fs.lstatSync(this.#tallyPath, { throwIfNoEntry: false })) disk.remove(this.#tallyPath);
    }
    this.#added += bytes;
  }

  get #tallyPath(): string {
    return `${this.#folder}-size`;
  }

  /** The list behind a folder's digest; null for the digest of a file. */
  #folderList(digest: Digest): readonly (readonly [string, Digest])[] | null {
    const path = this.#pathOf(digest);
    const start = Buffer.alloc(2);
    const handle = fs.openSync(path, "r");
    try {
      fs.readSync(handle, start, 0, 2, 0);
    } finally {
      fs.closeSync(handle);
    }
    if (start.toString() !== "[[" && start.toString() !== "[]") return null;
    const text = readFileText(path);
    try {
      const list = JSON.parse(text) as readonly (readonly [string, Digest])[];
      const isList = list.every(
        (item) =>
          Array.isArray(item) &&
          whyNotInside(item[0]) === null &&
          typeof item[1] === "string" &&
          isDigest(item[1]),
      );
      return isList && canonicalJson(list) === text && digestOfBytes(text) === digest ? list : null;
    } catch {
      return null; // a file that merely begins like a list
    }
  }

  #pathOf(digest: Digest): string {
    const hex = digest.slice("sha256:".length);
    return join(this.#folder, hex.slice(0, 2), hex.slice(2));
  }
}

/** Neither missing, nor a folder, nor a link that leads nowhere. */
function isFile(path: string): boolean {
  try {
    return fs.statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return false;
  }
}

/** The same, and this user may read it: else it is useless, and is put in again. */
function isReadable(path: string): boolean {
  if (!isFile(path)) return false;
  try {
    fs.accessSync(path, fs.constants.R_OK);
    return true;
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return false;
  }
}

/** Marks a blob as used just now; false when there is none. */
function touch(path: string): boolean {
  if (!fs.existsSync(path)) return false;
  try {
    disk.touch(path);
  } catch (error) {
    // Somebody else's file, or a read-only disk: only the order of collection suffers.
    if (!["EPERM", "EACCES", "EROFS", "ENOENT"].includes(errorCode(error))) throw error;
  }
  return true;
}

function namesIn(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error))) return [];
    throw error;
  }
}
