import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { digestOfBytes } from "../model/digest.ts";
import { writeFileAtomic } from "./disk.ts";

/**
 * Remembers, for one request, that everything was fresh, and the stat of every file and folder that
 * this depended on. While none of them has changed, the answer holds and nothing else needs to be
 * loaded or read: neither the Aqmfile nor a record.
 *
 * Layout: a line of JSON, the paths separated by NUL, then five float64 a path (device, inode, size,
 * mtime, ctime; all -1 for a path that must not exist).
 */
interface Header {
  /** Number of actions that are fresh. */
  readonly fresh: number;
  readonly paths: number;
  readonly pathBytes: number;
  /** Digest of everything after the header: a damaged snapshot is no snapshot. */
  readonly digest: string;
}

const FIELDS = 5;

export const snapshotPath = (state: string, request: string): string =>
  join(state, "fresh", digestOfBytes(request).slice("sha256:".length, 30));

/** The number of fresh actions while the snapshot holds, else null. */
export function readFreshSnapshot(state: string, request: string): number | null {
  let content: Buffer;
  try {
    content = fs.readFileSync(snapshotPath(state, request));
  } catch {
    return null; // none yet
  }
  const end = content.indexOf(0x0a);
  const header = parseHeader(content.toString("utf8", 0, Math.max(0, end)));
  if (header === null) return null;
  const body = content.subarray(end + 1);
  if (digestOfBytes(body) !== header.digest) return null;
  const paths = body.toString("utf8", 0, header.pathBytes).split("\0");
  const stats = new Float64Array(header.paths * FIELDS);
  const bytes = new Uint8Array(stats.buffer);
  bytes.set(body.subarray(header.pathBytes));
  const now = new Float64Array(FIELDS);
  for (let index = 0; index < header.paths; index++) {
    statInto(now, paths[index] ?? "");
    const at = index * FIELDS;
    for (let field = 0; field < FIELDS; field++) {
      if (now[field] !== stats[at + field]) return null;
    }
  }
  return header.fresh;
}

/**
 * Takes the stats of `paths` and writes the snapshot, unless `unchanged` says afterwards that one of
 * them is not what the plan saw: then the stat could belong to content that nobody has looked at.
 */
export function writeFreshSnapshot(
  state: string,
  request: string,
  fresh: number,
  paths: readonly string[],
  unchanged: (path: string) => boolean,
): void {
  if (paths.some((path) => path.includes("\0"))) return;
  const stats = new Float64Array(paths.length * FIELDS);
  paths.forEach((path, index) =>
    statInto(stats.subarray(index * FIELDS, (index + 1) * FIELDS), path),
  );
  if (!paths.every(unchanged)) return;
  const names = Buffer.from(paths.join("\0"));
  const body = Buffer.concat([names, Buffer.from(stats.buffer)]);
  const header: Header = {
    fresh,
    paths: paths.length,
    pathBytes: names.length,
    digest: digestOfBytes(body),
  };
  const path = snapshotPath(state, request);
  if (fs.existsSync(dirname(path)) && fs.readdirSync(dirname(path)).length > MOST_SNAPSHOTS) return;
  writeFileAtomic(path, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]));
}

/** Nobody asks for this many different things; a script that does gains nothing from snapshots. */
const MOST_SNAPSHOTS = 500;

function statInto(target: Float64Array, path: string): void {
  const stat = statOf(path);
  if (stat === null) {
    target.fill(-1);
    return;
  }
  target[0] = stat.dev;
  target[1] = stat.ino;
  target[2] = stat.size;
  target[3] = stat.mtimeMs;
  target[4] = stat.ctimeMs;
}

/** Null for what is not there, and for what cannot be looked at: that is told of on the long way. */
function statOf(path: string): fs.Stats | null {
  try {
    return fs.statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function parseHeader(text: string): Header | null {
  try {
    return JSON.parse(text) as Header;
  } catch {
    return null;
  }
}
