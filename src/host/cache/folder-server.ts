import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { disk, errorCode, errorText, temporaryName } from "../disk/disk.ts";
import { lstatIfThere } from "../disk/stat.ts";
import { Trouble, type Server, type Shelf } from "./server.ts";

const PART = 1024 * 1024;
const OTHERS_WRITE = 0o002;
/** A pipe must not keep its reader waiting, and a link leads to what nobody put into the cache. */
const READ = fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOFOLLOW;

/**
 * A folder, for example on a file system that several machines share: `ac/<64 hex>`, `cas/<64 hex>`, as a web
 * server would serve it. Files are put there under another name and renamed when they are durable, so who reads
 * meets whole files or none; a file system that shows less for a while is met by digests.
 */
export class FolderServer implements Server {
  readonly place: string;
  /** Permissions of the folder; null until it was looked at. */
  #mode: number | null = null;

  constructor(folder: string) {
    this.place = folder;
  }

  async size(shelf: Shelf, name: string): Promise<number | null> {
    this.#look();
    try {
      const stat = await fs.promises.lstat(this.#at(shelf, name));
      return stat.isFile() ? stat.size : null;
    } catch (error) {
      return this.#nothingThere(error, null);
    }
  }

  async read(
    shelf: Shelf,
    name: string,
    most: number,
    take: (part: Uint8Array) => void,
    signal: AbortSignal,
  ): Promise<boolean> {
    this.#look();
    let handle: fs.promises.FileHandle;
    try {
      handle = await fs.promises.open(this.#at(shelf, name), READ);
    } catch (error) {
      return this.#nothingThere(error, false);
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw new Trouble("unusable", "it is no file");
      if (stat.size > most) throw new Trouble("unusable", "it is larger than it can be");
      const buffer = Buffer.allocUnsafe(Math.min(PART, Math.max(1, stat.size)));
      for (let left = most; left >= 0;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length);
        if (bytesRead === 0) return true;
        if (signal.aborted) throw new Trouble("unavailable", "it takes too long");
        left -= bytesRead;
        take(buffer.subarray(0, bytesRead));
      }
      throw new Trouble("unusable", "it is larger than it can be");
    } catch (error) {
      throw error instanceof Trouble ? error : troubleOf(error);
    } finally {
      await handle.close();
    }
  }

  async write(shelf: Shelf, name: string, bytes: Uint8Array): Promise<void> {
    const mode = this.#look();
    const path = this.#at(shelf, name);
    const temporary = temporaryName(path);
    try {
      this.#makeFolder(dirname(path), mode);
      await disk.writeNewSoon(temporary, bytes);
      // As the folder is for its group, so is what is in it, whatever mask of new files this user has.
      disk.allow(temporary, (mode & 0o444) | 0o400);
      disk.rename(temporary, path);
      disk.syncFolder(dirname(path));
    } catch (error) {
      if (errorCode(error) === "") throw error;
      attempt(() => disk.remove(temporary));
      throw troubleOf(error);
    }
  }

  setAside(shelf: Shelf, name: string): void {
    attempt(() => {
      const folder = join(this.place, "quarantine");
      this.#makeFolder(folder, this.#look());
      disk.rename(this.#at(shelf, name), join(folder, `${shelf}-${name}`));
    });
  }

  close(): void {
    // It holds nothing.
  }

  #at(shelf: Shelf, name: string): string {
    return join(this.place, shelf, name);
  }

  #makeFolder(folder: string, mode: number): void {
    if (lstatIfThere(folder) !== undefined) return;
    disk.makeFolder(folder);
    attempt(() => disk.allow(folder, mode));
  }

  /**
   * The folder must be there: where a file system is not mounted, an empty place of the same name is. And not
   * everybody may write it, since what lies in it is taken for results of people who are trusted.
   */
  #look(): number {
    if (this.#mode !== null) return this.#mode;
    let stat: fs.Stats | undefined;
    try {
      stat = fs.statSync(this.place, { throwIfNoEntry: false });
    } catch (error) {
      throw troubleOf(error);
    }
    if (stat?.isDirectory() !== true) throw new Trouble("refused", "there is no such folder");
    if ((stat.mode & OTHERS_WRITE) !== 0)
      throw new Trouble("refused", "everybody may write it: take that away with chmod o-w");
    this.#mode = stat.mode & 0o7777;
    return this.#mode;
  }

  /**
   * What another user keeps to himself is as good as absent. Where nothing is, the folder may be gone by now: that is
   * said once, instead of a word for each of its files.
   */
  #nothingThere<T>(error: unknown, answer: T): T {
    if (["EACCES", "EPERM"].includes(errorCode(error))) return answer;
    if (!["ENOENT", "ENOTDIR"].includes(errorCode(error))) throw troubleOf(error);
    this.#mode = null;
    this.#look();
    return answer;
  }
}

function troubleOf(error: unknown): Trouble {
  switch (errorCode(error)) {
    case "":
      throw error;
    case "ENOSPC":
    case "EDQUOT":
      return new Trouble("full", "its disk is full");
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new Trouble("refused", `it may not be written (${errorCode(error)})`);
    case "ELOOP":
      return new Trouble("unusable", "it is a link");
    default:
      return new Trouble("unavailable", errorText(error));
  }
}

function attempt(change: () => void): void {
  try {
    change();
  } catch (error) {
    if (errorCode(error) === "" && !(error instanceof Trouble)) throw error;
  }
}
