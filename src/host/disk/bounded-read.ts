import * as fs from "node:fs";

/** Far more than any text that aqm reads whole, and less than a string of V8 holds. */
const MOST = 256 * 1024 * 1024;

/**
 * The content of a file that aqm reads whole. What never ends or never answers (a device, a pipe, a socket, also
 * by way of a link) and what is longer than anything sensible is refused with an error that has a code, as a
 * folder is: who reads state takes that for damage, others show it.
 */
export function readFileBytes(path: string, most = MOST): Buffer {
  // Without a writer, opening a pipe would wait for one.
  const handle = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const stat = fs.fstatSync(handle);
    if (!stat.isFile() && !stat.isDirectory()) throw refused("EINVAL", path, "is no file");
    if (stat.size > most && stat.isFile())
      throw refused("EFBIG", path, `has ${stat.size} bytes; ${most} are the most that is read`);
    return fs.readFileSync(handle); // says of a folder that it is one
  } finally {
    fs.closeSync(handle);
  }
}

/** The same as text. */
export const readFileText = (path: string): string => readFileBytes(path).toString("utf8");

/** The first bytes of a file that may be of any length, as text, and whether it has no more. */
export function readFileBeginning(
  path: string,
  most: number,
): { readonly text: string; readonly whole: boolean } {
  const handle = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const { size } = fs.fstatSync(handle);
    const bytes = Buffer.alloc(Math.min(most, size));
    const read = fs.readSync(handle, bytes, 0, bytes.length, 0);
    return { text: bytes.toString("utf8", 0, read), whole: read >= size };
  } finally {
    fs.closeSync(handle);
  }
}

/** The last bytes of a file that may be of any length, as text. */
export function readFileEnd(path: string, most: number): string {
  const handle = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  try {
    const length = Math.min(most, fs.fstatSync(handle).size);
    const bytes = Buffer.alloc(length);
    const read = fs.readSync(handle, bytes, 0, length, fs.fstatSync(handle).size - length);
    return bytes.toString("utf8", 0, read);
  } finally {
    fs.closeSync(handle);
  }
}

/** As an error of the file system while reading, which `diskFailure` and `readState` know. */
const refused = (code: string, path: string, problem: string): Error =>
  Object.assign(new Error(`${code}: ${path} ${problem}`), { code, syscall: "read" });
