import * as fs from "node:fs";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { errorCode } from "../disk/disk.ts";
import type { Piece } from "./action-result.ts";
import { PIECE } from "./entry.ts";
import { runningDigest } from "./running-digest.ts";

/** So much is read at once, so that nothing else waits long while a large file is read. */
const PART = 4 * 1024 * 1024;

/**
 * Cuts a file into pieces and has each sent under the digest of the very bytes that are sent. Null, and what was
 * sent is of no use, when the file is not there any more or is not what its digest says.
 */
export async function piecesOf(
  { source, digest }: { readonly source: string; readonly digest: Digest },
  send: (bytes: Uint8Array, piece: Digest) => Promise<void>,
): Promise<readonly Piece[] | null> {
  let handle: fs.promises.FileHandle;
  try {
    handle = await fs.promises.open(source, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return null;
  }
  try {
    const pieces: Piece[] = [];
    const whole = runningDigest();
    const { size } = await handle.stat();
    const buffer = Buffer.allocUnsafe(Math.min(size, PIECE));
    let left = size;
    do {
      const bytes = buffer.subarray(0, Math.min(left, PIECE));
      if (!(await fill(handle, bytes))) return null;
      const piece = await digestOf(bytes);
      whole.add(bytes);
      if (size <= PIECE && piece !== digest) return null;
      await send(bytes, piece);
      pieces.push({ digest: piece, size: bytes.length });
      left -= bytes.length;
    } while (left > 0);
    return whole.value() === digest ? pieces : null;
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return null; // the disk cannot read it
  } finally {
    await handle.close();
  }
}

async function fill(handle: fs.promises.FileHandle, bytes: Uint8Array): Promise<boolean> {
  for (let done = 0; done < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, done, Math.min(PART, bytes.length - done));
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

async function digestOf(bytes: Uint8Array): Promise<Digest> {
  if (bytes.length <= PART) return digestOfBytes(bytes);
  const digest = runningDigest();
  for (let start = 0; start < bytes.length; start += PART) {
    digest.add(bytes.subarray(start, start + PART));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return digest.value();
}
