import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import type { Failure } from "../model/failure.ts";

/** Writes a whole file or nothing: temporary name, fsync, rename, fsync of the folder. */
export function writeFileAtomic(path: string, content: string | Uint8Array): void {
  fs.mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  const handle = fs.openSync(temporary, "wx");
  try {
    fs.writeFileSync(handle, content);
    fs.fsyncSync(handle);
  } catch (error) {
    fs.closeSync(handle);
    fs.rmSync(temporary, { force: true });
    throw error;
  }
  fs.closeSync(handle);
  fs.renameSync(temporary, path);
  syncFolder(dirname(path));
}

export function syncFile(path: string): void {
  const handle = fs.openSync(path, "r");
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}

/** Makes renames in a folder durable; file systems that cannot do it say EINVAL or EPERM. */
export function syncFolder(path: string): void {
  try {
    syncFile(path);
  } catch (error) {
    const code = errorCode(error);
    if (code !== "EINVAL" && code !== "EPERM" && code !== "EISDIR") throw error;
  }
}

export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : "";
}

export const errorText = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

export function readTextIfExists(path: string): string | null {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}

/** The failure that an error of the file system is to the user. */
export function diskFailure(error: unknown, file: string, target?: string): Failure {
  const code = errorCode(error);
  const shared = {
    cause: errorText(error),
    place: { file },
    ...(target === undefined ? {} : { target }),
  };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return {
        reason: "disk_full",
        message: `There is no room left to write ${file}`,
        nextStep: "Free space on this disk, then run the same command again; nothing was lost.",
        ...shared,
      };
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return {
        reason: "not_writable",
        message: `aqm may not write ${file}`,
        nextStep: "Give yourself write permission there, then run the same command again.",
        ...shared,
      };
    default:
      return {
        reason: "not_writable",
        message: `Writing ${file} failed`,
        nextStep: "Look at the cause, then run the same command again; nothing was lost.",
        ...shared,
      };
  }
}
