import * as fs from "node:fs";
import { join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { SharedCacheDeclaration } from "../../model/shared-cache.ts";
import type { SkippedGroup } from "../../model/skipped.ts";
import type { SlurmDeclaration } from "../../model/slurm.ts";
import { checksum } from "../disk/checksum.ts";
import { MISSING, putStat, putWay, STAT_FIELDS } from "../evidence/evidence.ts";
import { readFileBytes, readFileText } from "../disk/bounded-read.ts";
import { lstatIfThere, statIfThere } from "../disk/stat.ts";

/**
 * Remembers, for one request, that everything was fresh, and the stat of every file and folder that this
 * depended on. While none of them has changed, the answer holds and nothing else needs to be loaded or
 * read: neither the Aqmfile nor a record. When only places have changed, it tells whose they are, so
 * that only those actions and what is made from them are looked at: see `focus.ts`.
 *
 * Layout: a line with a checksum of all the rest; a line of JSON; the paths, separated by NUL and padded
 * to 8 bytes; then the columns: five float64 a path (`STAT_FIELDS`), a float64 an action (where its line
 * begins in the graph file) and one for the end, and two relations of uint32: path → actions, action →
 * its consumers.
 *
 * After an edit only a few rows differ; these are written beside it (`SnapshotDelta`). Without them the
 * snapshot is older and just as true: what has changed since is looked at once more.
 */
export interface SnapshotHeader {
  readonly actions: number;
  readonly paths: number;
  /** The first so many paths are places on the way to others, where a link is or is not. */
  readonly links: number;
  /** The first so many paths are grounds, links included. */
  readonly grounds: number;
  readonly pathBytes: number;
  readonly owners: number;
  readonly consumers: number;
  /** First line of the graph file that belongs to this snapshot. */
  readonly stamp: string;
  readonly exact: readonly string[];
  readonly environments: readonly EnvironmentDeclaration[];
  readonly cache: SharedCacheDeclaration | null;
  readonly slurm: SlurmDeclaration;
  /** What the answer leaves out. */
  readonly skipped: readonly SkippedGroup[];
  /** What was asked. */
  readonly request: string;
}

/** Many to many, from numbers to numbers: the items of `n` are those from `starts[n]` to `starts[n + 1]`. */
export interface Relation {
  readonly starts: Uint32Array;
  readonly items: Uint32Array;
}

export interface FreshSnapshot {
  readonly header: SnapshotHeader;
  /** The checksum that it was read with. */
  readonly seal: string;
  /** Rows whose stats are from the file beside it. */
  readonly renewed: readonly number[];
  /** Relative to the workspace where they lie in it; links first, then other grounds. */
  readonly paths: string[];
  readonly stats: Float64Array;
  readonly lines: Float64Array;
  readonly owners: Relation;
  readonly consumers: Relation;
}

/** Rows of a snapshot that are otherwise now, under a checksum. */
export interface SnapshotDelta {
  /** The seal of the snapshot that they belong to. */
  readonly of: string;
  /** The row and its `STAT_FIELDS` numbers. */
  readonly rows: readonly (readonly number[])[];
}

export const snapshotPath = (state: string, request: string): string =>
  join(state, "fresh", checksum(Buffer.from(request)));

/** Where the declarations are that belong to a snapshot. */
export const graphPath = (state: string, request: string): string =>
  `${snapshotPath(state, request)}.graph`;

export const deltaPath = (state: string, request: string): string =>
  `${snapshotPath(state, request)}.delta`;

/** Null when there is none, or none that is whole. */
export function readFreshSnapshot(state: string, request: string): FreshSnapshot | null {
  let content: Buffer;
  try {
    content = readFileBytes(snapshotPath(state, request));
  } catch {
    return null; // none, or none that can be read
  }
  const start = content.indexOf(0x0a) + 1;
  const sealed = content.subarray(start);
  const seal = checksum(sealed);
  // A damaged snapshot is no snapshot.
  if (`${seal}\n` !== content.toString("latin1", 0, start)) return null;
  const end = sealed.indexOf(0x0a);
  const header = JSON.parse(sealed.toString("utf8", 0, end)) as SnapshotHeader;
  if (header.request !== request) return null;
  const body = sealed.subarray(end + 1);
  const { actions, paths, pathBytes } = header;
  let at = pathBytes + padding(pathBytes);
  const take = (bytes: number): ArrayBuffer => {
    const from = body.byteOffset + at;
    at += bytes;
    return body.buffer.slice(from, from + bytes) as ArrayBuffer;
  };
  const stats = new Float64Array(take(8 * STAT_FIELDS * paths));
  const delta = readDelta(deltaPath(state, request), seal);
  for (const [row = 0, ...numbers] of delta) stats.set(numbers, row * STAT_FIELDS);
  return {
    header,
    seal,
    renewed: delta.map(([row = 0]) => row),
    paths: body.toString("utf8", 0, pathBytes).split("\0"),
    stats,
    lines: new Float64Array(take(8 * (actions + 1))),
    owners: {
      starts: new Uint32Array(take(4 * (paths + 1))),
      items: new Uint32Array(take(4 * header.owners)),
    },
    consumers: {
      starts: new Uint32Array(take(4 * (actions + 1))),
      items: new Uint32Array(take(4 * header.consumers)),
    },
  };
}

/** No rows when there is no file, or none that is whole and of this snapshot. */
function readDelta(path: string, seal: string): SnapshotDelta["rows"] {
  if (!fs.existsSync(path)) return [];
  let text: string;
  try {
    text = readFileText(path);
  } catch {
    return [];
  }
  const start = text.indexOf("\n") + 1;
  const content = text.slice(start);
  if (`${checksum(Buffer.from(content))}\n` !== text.slice(0, start)) return [];
  const delta = JSON.parse(content) as SnapshotDelta;
  return delta.of === seal ? delta.rows : [];
}

/** The rows of places that are not as they were; null when a ground is not, so that nothing is known. */
export function changedPlaces(snapshot: FreshSnapshot, root: string): readonly number[] | null {
  const { header, paths, stats } = snapshot;
  const changed: number[] = [];
  const now = new Float64Array(STAT_FIELDS);
  const from = process.cwd();
  process.chdir(root); // short paths are looked up faster
  try {
    for (let row = 0; row < paths.length; row++) {
      statInto(now, paths[row] ?? "", row < header.links);
      const at = row * STAT_FIELDS;
      if (
        now[0] === stats[at] &&
        now[1] === stats[at + 1] &&
        now[2] === stats[at + 2] &&
        now[3] === stats[at + 3] &&
        now[4] === stats[at + 4]
      ) {
        continue;
      }
      if (row < header.grounds) return null;
      changed.push(row);
    }
  } finally {
    process.chdir(from);
  }
  return changed;
}

function statInto(now: Float64Array, path: string, isWay: boolean): void {
  try {
    if (isWay) putWay(now, 0, lstatIfThere(path));
    else putStat(now, 0, statIfThere(path));
  } catch {
    now.fill(NaN); // a loop of links, an unreadable folder: like nothing that was noted
  }
}

/** Whether the noted state of a row is that nothing is there. */
export const wasMissing = ({ stats }: FreshSnapshot, row: number): boolean =>
  stats[row * STAT_FIELDS] === MISSING;

/** Paths in the workspace are noted relative to it. */
export function inWorkspace(path: string, root: string): string {
  if (path === root) return ".";
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}

export const padding = (bytes: number): number => (8 - (bytes % 8)) % 8;
