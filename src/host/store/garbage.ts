import * as fs from "node:fs";
import { join } from "node:path";
import { isDigest, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { retain, type StoredBlob } from "../../model/retention.ts";
import { parseSize } from "../../model/size.ts";
import { disk, readTextIfExists } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { Git } from "../process/git.ts";
import type { Layout } from "../disk/layout.ts";
import {
  collectPartials,
  partialLimit,
  type PartialCollection,
} from "../partial/partial-garbage.ts";
import { Store } from "./store.ts";

/** How large the store may become unless AQM_STORE_SIZE says otherwise. */
const DEFAULT_LIMIT = 20e9;
/** A collection that runs by itself goes below the bound, so that the next build needs no other. */
const SLACK = 0.9;
/** What lock records keep above the bound must grow by this much before it is tried again. */
const GROWTH = 1.1;

export interface Collection {
  readonly limit: number;
  readonly dropped: readonly StoredBlob[];
  readonly droppedBytes: number;
  readonly kept: number;
  readonly keptBytes: number;
  readonly pinned: number;
  readonly pinnedBytes: number;
  /** Refs whose lock records were read; null outside of a Git repository. */
  readonly refs: number | null;
  readonly partial: PartialCollection;
  /** What a killed build left of files that came from a shared cache. */
  readonly arriving: ArrivingCollection;
}

export interface ArrivingCollection {
  readonly files: number;
  readonly bytes: number;
}

/** The bound on the store's size, in bytes. */
export function storeLimit(flag: string | undefined): Result<number, Failure> {
  const [name, text] =
    flag !== undefined ? ["--max-size", flag] : ["AQM_STORE_SIZE", process.env["AQM_STORE_SIZE"]];
  if (text === undefined || text === "") return ok(DEFAULT_LIMIT);
  const bytes = parseSize(text);
  if (bytes !== null) return ok(bytes);
  return err({
    reason: "usage",
    message: `${name} takes a size, not ${text}`,
    nextStep: "Write for example 20GB, 500MB or 1.5TiB.",
  });
}

/**
 * Removes blobs until the store is within `limit`, partial results until they are within their share, and what
 * has come from a shared cache in part. The caller holds the build lock, so no other process adds to them
 * meanwhile. Nothing is removed when the refs cannot be read.
 */
export async function collectGarbage(
  layout: Layout,
  limit: number,
  dryRun = false,
): Promise<Result<Collection, Failure>> {
  const roots = new Set<Digest>();
  const refs = await findRoots(layout, roots);
  if (!refs.ok) return refs;
  try {
    const store = new Store(layout.store);
    const { blobs, leftovers } = store.survey();
    const retention = retain(blobs, roots, limit);
    if (!dryRun) {
      for (const path of leftovers) disk.remove(path);
      for (const { digest } of retention.dropped) store.remove(digest);
      const floor = retention.keptBytes > limit ? retention.keptBytes : 0;
      if (fs.existsSync(layout.store)) store.writeTally({ bytes: retention.keptBytes, floor });
    }
    return ok({
      limit,
      dropped: retention.dropped,
      droppedBytes: retention.dropped.reduce((sum, { bytes }) => sum + bytes, 0),
      kept: retention.kept.length,
      keptBytes: retention.keptBytes,
      pinned: retention.pinned,
      pinnedBytes: retention.pinnedBytes,
      refs: refs.value,
      partial: collectPartials(layout, partialLimit(limit), dryRun),
      arriving: collectArriving(layout, dryRun),
    });
  } catch (error) {
    return err(diskFailure(error, ".aqm"));
  }
}

/** No build runs, so nothing goes on with them now. `.aqm/arriving` may be a link to a folder with other files. */
function collectArriving({ arriving }: Layout, dryRun: boolean): ArrivingCollection {
  const isFolder = fs.statSync(arriving, { throwIfNoEntry: false })?.isDirectory() === true;
  const names = isFolder ? fs.readdirSync(arriving) : [];
  const paths = names
    .filter((name) => isDigest(`sha256:${name}`))
    .map((name) => join(arriving, name));
  const bytes = paths.reduce((sum, path) => sum + fs.lstatSync(path).size, 0);
  if (!dryRun) for (const path of paths) disk.remove(path);
  return { files: paths.length, bytes };
}

/**
 * For after a build that put something into the store: whether the store has outgrown `limit`. Reads
 * one small file; only when that is not there, which a crash can cause, is the store counted.
 */
export function hasOutgrown(layout: Layout, limit: number): boolean {
  const store = new Store(layout.store);
  let tally = store.readTally();
  if (tally === null) {
    const bytes = store.survey().blobs.reduce((sum, blob) => sum + blob.bytes, 0);
    tally = { bytes, floor: 0 };
    store.writeTally(tally);
  }
  return tally.bytes > Math.max(limit, tally.floor * GROWTH);
}

/** The bound that a collection after a build aims at. */
export const slackLimit = (limit: number): number => Math.floor(limit * SLACK);

/**
 * Every digest that is written in a lock record of any ref, of the workspace, or of a publication that
 * was interrupted. Digests are looked for in the text, so that damaged records and both sides of a
 * merge conflict count, too; those of inputs keep nothing that should not be kept.
 */
async function findRoots(
  layout: Layout,
  roots: Set<Digest>,
): Promise<Result<number | null, Failure>> {
  const see = (text: string): void => {
    for (const [digest] of text.matchAll(/sha256:[0-9a-f]{64}/g)) {
      if (isDigest(digest)) roots.add(digest);
    }
  };
  const { filesBelow } = await import("../disk/files-below.ts");
  try {
    for (const folder of [layout.lockRecords, layout.journal]) {
      for (const name of filesBelow(folder, "**/*.json"))
        see(readTextIfExists(join(folder, name)) ?? "");
    }
  } catch (error) {
    return err({
      ...diskFailure(error, "aqm.lock"),
      message: "The lock records cannot be read, so nothing was removed from the store",
      nextStep: "Make everything below aqm.lock readable, then run the same command again.",
    });
  }
  return (await Git.of(layout.root)?.recordsOfAllRefs(see)) ?? ok(null);
}
