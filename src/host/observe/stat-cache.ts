import type * as fs from "node:fs";
import { dirname } from "node:path";
import { digestOfBytes, isDigest, type Digest } from "../../model/digest.ts";
import { disk, errorCode, writeFileAtomic } from "../disk/disk.ts";
import { isRacy, isSettled, signatureOf, tickOf } from "../disk/file-times.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

/** `digest TAB wall clock when the content was read TAB signature`: parsed only when asked for. */
type Entry = string;

/**
 * Path → digest, valid while (device, inode, size, mtime, ctime) stay the same. It only saves reading:
 * losing the cache, or a part, costs time and nothing else.
 *
 * A file that was written within one clock tick of being read could be written again without its
 * times changing ("racy", as Git calls it), so such an entry is not believed the next time.
 *
 * The file is a sequence of segments, each a line with digest and length and then one line an entry. A
 * command appends one segment; now and then the whole file is written again.
 */
export class StatCache {
  readonly #path: string;
  readonly #fresh = new Map<string, Entry>();
  #loaded: Map<string, Entry> | null = null;
  /** False when the file is damaged or mostly outdated lines. */
  #worthKeeping = true;

  constructor(path: string) {
    this.#path = path;
  }

  /** The digest of the file as it is now, if it is known without reading it. */
  lookup(path: string, stat: fs.Stats): Digest | null {
    const entry = this.#fresh.get(path) ?? this.#entries().get(path);
    if (entry === undefined) return null;
    const [digest = "", readAt = "", signature] = entry.split("\t");
    const holds =
      signature === signatureOf(stat) && !isRacy(stat, Number(readAt)) && isDigest(digest);
    return holds ? digest : null;
  }

  /** `stat` must have been taken before the content was read, `readAt` likewise. */
  remember(path: string, stat: fs.Stats, digest: Digest, readAt: number): void {
    this.#fresh.set(path, `${digest}\t${readAt}\t${signatureOf(stat)}`);
  }

  /**
   * A file that was settled, hashed at `before` and then renamed to `path`: renaming changes its ctime,
   * so the entry is renewed, provided that nothing but the rename happened.
   */
  rememberMoved(path: string, before: fs.Stats, after: fs.Stats, digest: Digest): void {
    const same =
      before.ino === after.ino && before.size === after.size && before.mtimeMs === after.mtimeMs;
    if (!same || !isSettled(before, Date.now())) return;
    this.remember(path, after, digest, Math.ceil(after.ctimeMs) + tickOf(after));
  }

  save(): void {
    if (this.#fresh.size === 0) return;
    if (!this.#append()) {
      writeFileAtomic(this.#path, segmentOf(new Map([...this.#entries(), ...this.#fresh])));
    }
    if (this.#loaded !== null) {
      for (const [path, entry] of this.#fresh) this.#loaded.set(path, entry);
    }
    this.#fresh.clear();
  }

  #append(): boolean {
    if (this.#loaded !== null && !this.#worthKeeping) return false;
    try {
      disk.makeFolder(dirname(this.#path));
      disk.append(this.#path, segmentOf(this.#fresh));
      return true;
    } catch (error) {
      if (["EISDIR", "ENOENT", "ELOOP"].includes(errorCode(error))) return false; // no file is there
      throw error;
    }
  }

  #entries(): Map<string, Entry> {
    if (this.#loaded !== null) return this.#loaded;
    const entries = new Map<string, Entry>();
    const { bodies, whole } = readSegments(this.#path);
    let lines = 0;
    for (const body of bodies) {
      for (let start = 0; start < body.length;) {
        const end = body.indexOf("\n", start);
        const tab = body.indexOf("\t", start);
        if (end < 0 || tab < 0 || tab > end) break;
        // The path is percent-encoded where it holds a tab, a new line or a percent sign.
        entries.set(decodePath(body.slice(start, tab)), body.slice(tab + 1, end));
        lines += 1;
        start = end + 1;
      }
    }
    this.#worthKeeping = whole && lines < 2 * entries.size + 1000;
    this.#loaded = entries;
    return entries;
  }
}

function segmentOf(entries: ReadonlyMap<string, Entry>): string {
  let body = "";
  for (const [path, entry] of entries) body += `${encodePath(path)}\t${entry}\n`;
  return `${digestOfBytes(body)} ${Buffer.byteLength(body)}\n${body}`;
}

const encodePath = (path: string): string =>
  /[\t\n%]/.test(path) ? path.replace(/[\t\n%]/g, encodeURIComponent) : path;

const decodePath = (path: string): string =>
  path.includes("%") ? path.replace(/%(?:09|0A|25)/g, decodeURIComponent) : path;

/** The bodies of the whole segments, up to the first that is not: a process may have died while appending. */
function readSegments(path: string): {
  readonly bodies: readonly string[];
  readonly whole: boolean;
} {
  const bodies: string[] = [];
  let content: Buffer;
  try {
    content = readFileBytes(path);
  } catch {
    return { bodies, whole: false }; // none yet, or not to be read: the next save makes a new one
  }
  for (let start = 0; start < content.length;) {
    const end = content.indexOf(0x0a, start);
    const [digest, length = ""] = content
      .toString("latin1", start, Math.max(start, end))
      .split(" ");
    const next = end + 1 + Number(length);
    if (end < 0 || !/^\d+$/.test(length) || next > content.length) return { bodies, whole: false };
    const body = content.subarray(end + 1, next);
    if (digestOfBytes(body) !== digest) return { bodies, whole: false };
    bodies.push(body.toString("utf8"));
    start = next;
  }
  return { bodies, whole: true };
}
