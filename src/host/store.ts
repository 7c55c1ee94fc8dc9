import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { canonicalJson } from "../model/json.ts";
import { digestOfBytes, isDigest, type Digest } from "../model/digest.ts";
import { disk, temporaryName } from "./disk.ts";
import { hashFile, type FolderFile } from "./observer.ts";

/**
 * Content-addressed blobs under `.aqm/store/<2 hex>/<62 hex>`. A folder is stored as its files plus
 * the list of them, whose digest is the folder's digest. Blobs are checked when they are read.
 */
export class Store {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  has(digest: Digest): boolean {
    const path = this.#pathOf(digest);
    if (!fs.existsSync(path)) return false;
    const list = this.#folderList(digest);
    return list === null || list.every(([, file]) => fs.existsSync(this.#pathOf(file)));
  }

  putFile(source: string, digest: Digest): void {
    const path = this.#pathOf(digest);
    if (fs.existsSync(path)) return;
    disk.makeFolder(dirname(path));
    const temporary = temporaryName(path);
    disk.copy(source, temporary);
    disk.rename(temporary, path);
  }

  putFolder(source: string, files: readonly FolderFile[], digest: Digest): void {
    for (const file of files) this.putFile(join(source, file.path), file.digest);
    const path = this.#pathOf(digest);
    if (fs.existsSync(path)) return;
    const list = canonicalJson(files.map((file) => [file.path, file.digest]));
    disk.makeFolder(dirname(path));
    const temporary = temporaryName(path);
    disk.writeNew(temporary, list);
    disk.rename(temporary, path);
  }

  /** Writes a blob's content to `target`; false, and nothing written, when the blob is damaged. */
  async takeOut(digest: Digest, kind: "file" | "folder", target: string): Promise<boolean> {
    if (kind === "file") return this.#takeOutFile(digest, target);
    const list = this.#folderList(digest);
    if (list === null) {
      disk.remove(this.#pathOf(digest)); // likewise
      return false;
    }
    disk.makeFolder(target);
    for (const [path, file] of list) {
      if (!(await this.#takeOutFile(file, join(target, path)))) return false;
    }
    return true;
  }

  async #takeOutFile(digest: Digest, target: string): Promise<boolean> {
    const path = this.#pathOf(digest);
    const found = await hashFile(path, fs.statSync(path).size);
    if (found !== digest) {
      disk.remove(path); // a damaged blob must not be offered again
      return false;
    }
    disk.makeFolder(dirname(target));
    disk.copy(path, target);
    return true;
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
    const text = fs.readFileSync(path, "utf8");
    try {
      const list = JSON.parse(text) as readonly (readonly [string, Digest])[];
      const isList = list.every(
        (item) => Array.isArray(item) && typeof item[1] === "string" && isDigest(item[1]),
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
