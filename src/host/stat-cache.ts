import type * as fs from "node:fs";
import { digestOfBytes, isDigest, type Digest } from "../model/digest.ts";
import { readStateIfReadable, writeFileAtomic } from "./disk.ts";

interface Entry {
  readonly digest: Digest;
  readonly signature: string;
  /** Wall clock when the content was read, in nanoseconds. */
  readonly readAt: bigint;
}

/**
 * Path → digest, valid while (device, inode, size, mtime, ctime) stay the same. It only saves reading:
 * losing it, or a line of it, costs time and nothing else.
 *
 * A file that was written within one clock tick of being read could be written again without its
 * times changing ("racy", as Git calls it), so such an entry is not believed the next time.
 */
export class StatCache {
  readonly #path: string;
  readonly #entries: Map<string, Entry>;
  #dirty = false;

  constructor(path: string) {
    this.#path = path;
    this.#entries = load(path);
  }

  /** The digest of the file as it is now, if it is known without reading it. */
  lookup(path: string, stat: fs.BigIntStats): Digest | null {
    const entry = this.#entries.get(path);
    if (entry?.signature !== signatureOf(stat) || isRacy(stat, entry.readAt)) return null;
    return entry.digest;
  }

  /** `stat` must have been taken before the content was read, `readAt` likewise. */
  remember(path: string, stat: fs.BigIntStats, digest: Digest, readAt: bigint): void {
    this.#entries.set(path, { digest, signature: signatureOf(stat), readAt });
    this.#dirty = true;
  }

  /**
   * A file that was hashed at `before` and then renamed to `path`: renaming changes its ctime, so the
   * entry is renewed, provided that nothing but the rename happened and the first look was not racy.
   */
  rememberMoved(
    path: string,
    before: fs.BigIntStats,
    after: fs.BigIntStats,
    digest: Digest,
    readAt: bigint,
  ): void {
    const same =
      before.ino === after.ino && before.size === after.size && before.mtimeNs === after.mtimeNs;
    if (!same || readAt - before.mtimeNs < tickOf(before)) return;
    this.remember(path, after, digest, after.ctimeNs + tickOf(after));
  }

  save(): void {
    if (!this.#dirty) return;
    const lines: string[] = [];
    for (const [path, { digest, signature, readAt }] of this.#entries) {
      if (!path.includes("\n")) lines.push(`${digest}\t${readAt}\t${signature}\t${path}`);
    }
    const body = lines.join("\n");
    writeFileAtomic(this.#path, `${digestOfBytes(body)}\n${body}`);
    this.#dirty = false;
  }
}

export const wallClock = (): bigint => BigInt(Date.now()) * 1_000_000n;

const signatureOf = (stat: fs.BigIntStats): string =>
  `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;

/** File systems with whole-second times need a whole second's distance; others a few clock ticks. */
const tickOf = (stat: fs.BigIntStats): bigint =>
  stat.mtimeNs % 1_000_000_000n === 0n ? 2_000_000_000n : 20_000_000n;

export function isRacy(stat: fs.BigIntStats, readAt: bigint): boolean {
  const last = stat.mtimeNs > stat.ctimeNs ? stat.mtimeNs : stat.ctimeNs;
  return readAt - last < tickOf(stat);
}

function load(path: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  const text = readStateIfReadable(path);
  if (text === null) return entries;
  const end = text.indexOf("\n");
  const body = text.slice(end + 1);
  if (end < 0 || digestOfBytes(body) !== text.slice(0, end)) return entries; // torn or damaged
  for (const line of body.split("\n")) {
    const [digest = "", readAt = "", signature = "", ...name] = line.split("\t");
    if (name.length === 0 || !isDigest(digest)) continue;
    entries.set(name.join("\t"), { digest, signature, readAt: BigInt(readAt) });
  }
  return entries;
}
