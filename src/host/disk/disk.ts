import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import { digestOfBytes } from "../../model/digest.ts";
import { SETTLED_MS } from "./file-times.ts";
import { foldersToOpen, modeToMove } from "./permission.ts";
import { readFileText } from "./bounded-read.ts";

/**
 * Every change that aqm makes to a disk goes through these few operations, so that a test can stop the
 * world before, in and after each of them. A test holds that no other module changes files.
 */
export const disk = {
  /** With its parents; fine if it is there, and quicker to see than to try. */
  makeFolder: (path: string): void => {
    if (!fs.existsSync(path)) fs.mkdirSync(path, { recursive: true });
  },
  /** Likewise, but no other user may look into it. */
  makePrivateFolder: (path: string): void =>
    void fs.mkdirSync(path, { recursive: true, mode: 0o700 }),
  /** One that was not there: who makes it is the only one. */
  makeNewFolder: (path: string): void => fs.mkdirSync(path),
  /** With its parents, but only this user may change it, under any mask of new files. */
  makeUserFolder: (path: string): void => void fs.mkdirSync(path, { recursive: true, mode: 0o755 }),
  /** A new folder that only this user can look into; its name begins with `prefix`. */
  makeTemporaryFolder: (prefix: string): string => fs.mkdtempSync(prefix),
  /** The content is durable and settled, the name not yet: see `syncFolder`. Fails if the file is there. */
  writeNew: (path: string, content: string | Uint8Array): void => {
    const handle = fs.openSync(path, "wx");
    try {
      writeSettled(handle, content);
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  },
  /** The same, but written on return and durable when the promise is kept: see `syncSoon`. */
  writeNewSoon: async (path: string, content: string | Uint8Array): Promise<void> => {
    const handle = fs.openSync(path, "wx");
    try {
      writeSettled(handle, content);
      await synced(handle);
    } finally {
      fs.closeSync(handle);
    }
  },
  /** A new file that no other user may read, from its first moment on. */
  writeSecret: (path: string, content: string): void =>
    fs.writeFileSync(path, content, { mode: 0o600, flag: "wx" }),
  /** Not durable: for what is synced later, or may be lost. */
  write: (path: string, content: string | Uint8Array): void => fs.writeFileSync(path, content),
  /** Not durable: for logs whose last lines may be lost. */
  append: (path: string, text: string): void => fs.appendFileSync(path, text),
  /** Puts bytes at the end of the first `start` bytes of a file, which is made if it is not there. Not durable. */
  writeFrom: (path: string, start: number, bytes: Uint8Array): void => {
    const handle = fs.openSync(path, "a");
    try {
      fs.ftruncateSync(handle, start);
      fs.writeFileSync(handle, bytes);
    } finally {
      fs.closeSync(handle);
    }
  },
  /** A reflink where the file system has them, so that big files cost no space. Not durable. */
  copy: (from: string, to: string): void =>
    fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE),
  /** Gives a file or a folder that belongs to this user other permissions. */
  allow: (path: string, mode: number): void => fs.chmodSync(path, mode),
  /** A folder that its owner may not write can be renamed only after that is allowed; the name goes, so it is. */
  rename: (from: string, to: string): void => {
    try {
      fs.renameSync(from, to);
    } catch (error) {
      const mode = isRefused(error) ? modeToMove(from) : null;
      if (mode === null) throw error;
      disk.allow(from, mode);
      fs.renameSync(from, to);
    }
  },
  /** A rename that also works when `to` lies on another file system, as behind a linked folder. */
  moveInto: (from: string, to: string): void => {
    try {
      disk.rename(from, to);
    } catch (error) {
      if (errorCode(error) !== "EXDEV") throw error;
      const beside = temporaryName(to);
      // A link must lead where it led, also after it was moved back.
      fs.cpSync(from, beside, { recursive: true, verbatimSymlinks: true });
      if (fs.lstatSync(from).isFile()) disk.sync(beside);
      disk.rename(beside, to);
      disk.remove(from);
    }
  },
  link: (from: string, to: string): void => fs.linkSync(from, to),
  /** A symbolic link at `path`. */
  linkTo: (leads: string, path: string): void => fs.symlinkSync(leads, path),
  /**
   * A file, or a folder with all that is in it; fine if it is not there. Folders in it that their owner may not
   * write or read (an op copied them from a read-only place) are made writable first.
   */
  remove: (path: string): void => {
    try {
      fs.rmSync(path, { recursive: true, force: true });
    } catch (error) {
      if (!isRefused(error)) throw error;
      for (const [folder, mode] of foldersToOpen(path)) disk.allow(folder, mode);
      fs.rmSync(path, { recursive: true, force: true });
    }
  },
  /** Gives a file the times of another one. */
  copyTimes: (from: string, to: string): void => {
    const { atime, mtime } = fs.statSync(from);
    fs.utimesSync(to, atime, mtime);
  },
  /** Sets the times of a file to now. */
  touch: (path: string): void => {
    const now = new Date();
    fs.utimesSync(path, now, now);
  },
  /**
   * Sets the time of modification a little back, so that each later write to the file moves it
   * for sure, however coarse the clock of the file system is.
   */
  settle: (path: string): void => {
    const now = Date.now();
    fs.utimesSync(path, now / 1000, (now - SETTLED_MS) / 1000);
  },
  removeEmptyFolder: (path: string): void => fs.rmdirSync(path),
  sync: (path: string): void => {
    const handle = fs.openSync(path, "r");
    try {
      fs.fsyncSync(handle);
    } finally {
      fs.closeSync(handle);
    }
  },
  /** Many at once take a disk hardly longer than one, and the program goes on meanwhile. */
  syncSoon: async (path: string): Promise<void> => {
    const handle = fs.openSync(path, "r");
    try {
      await synced(handle);
    } finally {
      fs.closeSync(handle);
    }
  },
  /** Makes names in a folder durable; file systems that cannot do it say EINVAL or EPERM. */
  syncFolder: (path: string): void => {
    try {
      disk.sync(path);
    } catch (error) {
      if (!["EINVAL", "EPERM", "EISDIR"].includes(errorCode(error))) throw error;
    }
  },
};

const isRefused = (error: unknown): boolean => ["EACCES", "EPERM"].includes(errorCode(error));

function writeSettled(handle: number, content: string | Uint8Array): void {
  fs.writeFileSync(handle, content);
  const now = Date.now();
  fs.futimesSync(handle, now / 1000, (now - SETTLED_MS) / 1000);
}

const synced = (handle: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.fsync(handle, (error) => (error === null ? resolve() : reject(error)));
  });

/**
 * Writes a whole file or nothing: temporary name, fsync, rename. After a power cut the file may be the
 * old one; who needs the new name to be durable as well calls `syncFolder`.
 */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  putInPlace(path, (temporary) => disk.writeNew(temporary, content));
}

/**
 * A whole file or the old one, unless the power goes: for what has a digest of its own and can be lost.
 */
export const replaceCache = (path: string, content: string | Uint8Array): void =>
  putInPlace(path, (temporary) => disk.write(temporary, content));

/** Lets `write` make a file beside `path`, then gives it that name; leaves nothing when either fails. */
export function putInPlace(path: string, write: (temporary: string) => void): void {
  disk.makeFolder(dirname(path));
  const temporary = temporaryName(path);
  try {
    write(temporary);
    giveName(temporary, path);
  } catch (error) {
    disk.remove(temporary);
    throw error;
  }
}

/** A file that lies beside its place until it is durable. */
export interface ComingFile {
  readonly durable: Promise<void>;
  /** To be called once, after `durable`. */
  readonly place: () => void;
  /** Instead of `place`. */
  readonly discard: () => void;
}

/** `writeFileAtomic` in two steps, so that several files can be made durable together. */
export function writeFileSoon(path: string, content: string | Uint8Array): ComingFile {
  disk.makeFolder(dirname(path));
  const temporary = temporaryName(path);
  const discard = (): void => disk.remove(temporary);
  const durable = disk.writeNewSoon(temporary, content);
  durable.catch(() => undefined); // the awaiting caller gets the error
  const place = (): void => {
    try {
      giveName(temporary, path);
    } catch (error) {
      discard();
      throw error;
    }
  };
  return { durable, place, discard };
}

function giveName(temporary: string, path: string): void {
  try {
    disk.rename(temporary, path);
  } catch (error) {
    if (errorCode(error) !== "EISDIR") throw error;
    disk.removeEmptyFolder(path); // fails when somebody keeps something in it
    disk.rename(temporary, path);
  }
}

/** A name beside `path`, on the same file system, that no other process uses and that names its owner. */
export function temporaryName(path: string): string {
  temporaryFiles = (temporaryFiles + 1) >>> 0;
  return `${path}.${process.pid}-${temporaryFiles.toString(16).padStart(8, "0")}.tmp`;
}

/** From anywhere on: a process in another container may have our number. */
let temporaryFiles = randomBytes(4).readUInt32LE();

/**
 * A cache says of itself that it is whole and which path it was made for: a flipped bit, or a workspace
 * that was copied together with its state, must not change what is built.
 */
export function writeCache(path: string, value: object): void {
  const content = JSON.stringify(value);
  replaceCache(path, `${sealOf(path, content)}\n${content}`);
}

/** Null when there is none, or when it is damaged or was made elsewhere. */
export function readCache(path: string): unknown {
  const text = readState(path);
  if (text === null) return null;
  const content = text.slice(text.indexOf("\n") + 1);
  return text === `${sealOf(path, content)}\n${content}` ? JSON.parse(content) : null;
}

const sealOf = (path: string, content: string): string => digestOfBytes(`${path}\0${content}`);

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

export const errorText = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

export function readTextIfExists(path: string): string | null {
  try {
    return readFileText(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

/**
 * The text of a state file, which may have met anything: null when there is none; empty, and so damaged
 * to its parser, when it cannot be read (a folder, a device, a link that leads nowhere, no permission).
 */
export function readState(path: string): string | null {
  try {
    return readFileText(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "") throw error;
    if (code !== "ENOENT" && code !== "ENOTDIR") return "";
    return fs.lstatSync(path, { throwIfNoEntry: false }) === undefined ? null : "";
  }
}

/** The same for state that can be done without: what another user keeps to himself is as good as absent. */
export function readStateIfReadable(path: string): string | null {
  const text = readState(path);
  if (text !== "") return text;
  try {
    fs.accessSync(path, fs.constants.R_OK);
    return text;
  } catch (error) {
    return ["EACCES", "EPERM"].includes(errorCode(error)) ? null : text;
  }
}
