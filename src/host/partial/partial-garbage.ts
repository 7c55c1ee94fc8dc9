import * as fs from "node:fs";
import { join } from "node:path";
import { isDigest, type Digest } from "../../model/digest.ts";
import { disk } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { removePartialResults } from "./partial-results.ts";

/** The part of the store's bound that partial results may take; it is theirs, so neither drives out the other. */
const SHARE = 0.1;
/** What a file takes on a disk at least: items are small and many. */
const BLOCK = 4096;

/** What a crash leaves of a folder that was being removed; `.aqm/partial` may be a link to a folder with other files. */
const LEFTOVER = /^[0-9a-f]{64}\.\d+-[0-9a-f]{8}\.tmp$/;

/** All items of one identity; they are removed together. */
export interface PartialFolder {
  readonly identity: Digest;
  readonly bytes: number;
  /** When an action last had it; milliseconds. */
  readonly usedAt: number;
}

export interface PartialCollection {
  readonly limit: number;
  readonly dropped: readonly PartialFolder[];
  readonly droppedBytes: number;
  readonly kept: number;
  readonly keptBytes: number;
}

/** The bound of partial results where the store's is `storeLimit`; both in bytes. */
export const partialLimit = (storeLimit: number): number => Math.floor(storeLimit * SHARE);

/** Removes the least recently used folders until all of them are within `limit`. Needs the build lock. */
export function collectPartials(layout: Layout, limit: number, dryRun: boolean): PartialCollection {
  const { folders, leftovers } = surveyPartials(layout);
  const dropped: PartialFolder[] = [];
  let bytes = sum(folders);
  const oldestFirst = [...folders].sort(
    (a, b) => a.usedAt - b.usedAt || (a.identity < b.identity ? -1 : 1),
  );
  for (const folder of oldestFirst) {
    if (bytes <= limit) break;
    dropped.push(folder);
    bytes -= folder.bytes;
  }
  if (!dryRun) {
    for (const path of leftovers) disk.remove(path);
    for (const { identity } of dropped) removePartialResults(layout, identity);
  }
  return {
    limit,
    dropped,
    droppedBytes: sum(dropped),
    kept: folders.length - dropped.length,
    keptBytes: bytes,
  };
}

/** Looks at every file, so it is asked only after a build that kept some. */
export const partialsOutgrown = (layout: Layout, limit: number): boolean =>
  sum(surveyPartials(layout).folders) > limit;

/** Every folder of an identity, and what a crash left of removed ones. Other names are not aqm's. */
function surveyPartials({ partial }: Layout): {
  readonly folders: readonly PartialFolder[];
  readonly leftovers: readonly string[];
} {
  const folders: PartialFolder[] = [];
  const leftovers: string[] = [];
  if (fs.statSync(partial, { throwIfNoEntry: false })?.isDirectory() !== true)
    return { folders, leftovers };
  for (const name of fs.readdirSync(partial)) {
    const path = join(partial, name);
    const identity = `sha256:${name}`;
    if (LEFTOVER.test(name)) leftovers.push(path);
    else if (isDigest(identity)) {
      const stat = fs.lstatSync(path, { throwIfNoEntry: false });
      if (stat !== undefined)
        folders.push({ identity, bytes: bytesBelow(path), usedAt: stat.mtimeMs });
    }
  }
  return { folders, leftovers };
}

function bytesBelow(path: string): number {
  if (!fs.lstatSync(path).isDirectory()) return BLOCK;
  let bytes = BLOCK;
  for (const entry of fs.readdirSync(path, { withFileTypes: true, recursive: true })) {
    const stat = fs.lstatSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    bytes += Math.max(1, Math.ceil((stat?.size ?? 0) / BLOCK)) * BLOCK;
  }
  return bytes;
}

const sum = (folders: readonly PartialFolder[]): number =>
  folders.reduce((total, { bytes }) => total + bytes, 0);
