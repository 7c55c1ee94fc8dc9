import { join } from "node:path";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { errorCode, replaceCache } from "../disk/disk.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

/** A file below `.aqm/compiled` that is run, or that tells where what is run comes from. */
export interface CompiledFile {
  readonly name: string;
  readonly digest: Digest;
}

export function writeCompiled(folder: string, name: string, content: string): CompiledFile {
  const file = { name, digest: digestOfBytes(content) };
  // Not durable: the file is never run without comparing its digest.
  if (!isWhole(folder, file)) replaceCache(join(folder, name), content);
  return file;
}

/** Whether the file is still what was written: code is never run because it has the right name. */
export const isWhole = (folder: string, file: CompiledFile): boolean =>
  readCompiled(folder, file) !== null;

/** What was written; null where the file holds anything else, or is gone. */
export function readCompiled(folder: string, { name, digest }: CompiledFile): string | null {
  try {
    const bytes = readFileBytes(join(folder, name));
    return digestOfBytes(bytes) === digest ? bytes.toString("utf8") : null;
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return null;
  }
}
