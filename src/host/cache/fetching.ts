import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { hexOf, type Digest } from "../../model/digest.ts";
import type { Taken } from "../../ports.ts";
import { attempt } from "../disk/attempt.ts";
import { disk } from "../disk/disk.ts";
import { lstatIfThere } from "../disk/stat.ts";
import { PIECE, type FolderList } from "./entry.ts";
import { runningDigest, type RunningDigest } from "./running-digest.ts";

/** Where a content comes from. */
export interface Source {
  /** Its files; undefined where it is a folder that nobody has a list of. */
  readonly files: FolderList | undefined;
  readonly pieces: (file: Digest) => readonly Wanted[];
  /** Absolute path of the folder for files that have come in part: a later run goes on with them. */
  readonly arriving: string;
  readonly read: (
    piece: Digest,
    most: number,
    take: (part: Uint8Array) => void,
  ) => Promise<"read" | "unread" | "refused">;
  readonly refuse: (content: Digest, why: string) => void;
}

export interface Wanted {
  readonly digest: Digest;
  /** Null where it is not known. */
  readonly size: number | null;
}

/** So many bytes are collected before they are written, or read at once. */
const PART = 1024 * 1024;
const NOTHING = new Uint8Array();

/** Makes a content at an absolute path, file by file. */
export async function fetchContent(source: Source, target: string): Promise<Taken> {
  const { files } = source;
  if (files === undefined) return "absent";
  if (files[0]?.[0] !== "") disk.makeFolder(target);
  for (const [path, digest] of files) {
    const taken = await fetchFile(source, digest, path === "" ? target : join(target, path));
    if (taken !== "taken") return taken;
  }
  return "taken";
}

/** Several pieces come together in a file of their own, of which nothing is lost when that is cut short. */
async function fetchFile(source: Source, digest: Digest, target: string): Promise<Taken> {
  const pieces = source.pieces(digest);
  const inParts = pieces.length > 1;
  const place = inParts ? join(source.arriving, hexOf(digest)) : target;
  disk.makeFolder(dirname(place));
  disk.makeFolder(dirname(target));
  const there = inParts ? await piecesThere(place, pieces) : { count: 0, digest: runningDigest() };
  const whole = there.digest;
  let start = pieces.slice(0, there.count).reduce((sum, { size }) => sum + (size ?? 0), 0);
  for (const piece of pieces.slice(there.count)) {
    const taken = await fetchPiece(source, piece, { place, start, whole });
    if (typeof taken !== "number") return taken;
    start += taken;
  }
  if (!inParts) return "taken";
  if (whole.value() !== digest) {
    disk.remove(place);
    source.refuse(digest, "the pieces that it is said to have do not make it");
    return "damaged";
  }
  disk.moveInto(place, target);
  return "taken";
}

/** How many of the first pieces have come already, and the digest of them. */
async function piecesThere(
  place: string,
  pieces: readonly Wanted[],
): Promise<{ readonly count: number; readonly digest: RunningDigest }> {
  let digest = runningDigest();
  let count = 0;
  if (lstatIfThere(place)?.isFile() !== true) {
    disk.remove(place);
    return { count, digest };
  }
  const handle = await fs.promises.open(place, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    const buffer = Buffer.allocUnsafe(PART);
    for (const piece of pieces) {
      const [one, next] = [runningDigest(), digest.copy()];
      for (let left = piece.size ?? 0; left > 0;) {
        const { bytesRead } = await handle.read(buffer, 0, Math.min(PART, left));
        if (bytesRead === 0) return { count, digest };
        for (const add of [one.add, next.add]) add(buffer.subarray(0, bytesRead));
        left -= bytesRead;
      }
      if (one.value() !== piece.digest) return { count, digest };
      [digest, count] = [next, count + 1];
    }
    return { count, digest };
  } finally {
    await handle.close();
  }
}

/** The bytes that came, or why none count. */
async function fetchPiece(
  source: Source,
  { digest, size }: Wanted,
  to: { readonly place: string; readonly start: number; readonly whole: RunningDigest },
): Promise<number | Exclude<Taken, "taken">> {
  const { place, start, whole } = to;
  const found = runningDigest();
  let [waiting, waitingBytes, written]: [Uint8Array[], number, number] = [[], 0, 0];
  const flush = (): void => {
    disk.writeFrom(place, start + written, Buffer.concat(waiting));
    [waiting, waitingBytes, written] = [[], 0, written + waitingBytes];
  };
  // A disk that is full here is no trouble of the cache.
  let failure: Error | null = null;
  const take = (part: Uint8Array): void => {
    if (failure !== null) return;
    for (const add of [found.add, whole.add]) add(part);
    waiting.push(Buffer.from(part));
    waitingBytes += part.length;
    if (waitingBytes >= PART) failure = attempt(flush);
  };
  const state = await source.read(digest, size ?? PIECE, take);
  failure ??= attempt(flush);
  if (failure !== null) throw failure;
  if (state === "read" && found.value() === digest) return written;
  disk.writeFrom(place, start, NOTHING);
  if (state === "unread") return "absent";
  const why =
    size !== null && written < size
      ? `it has ${written} of ${size} bytes`
      : "its content is not what its digest says";
  source.refuse(digest, why);
  return "damaged";
}
