import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { join, relative } from "node:path";
import { shortDigest, type Digest } from "../../model/digest.ts";
import type { Observation } from "../../plan/knowledge.ts";
import type { Replaced } from "../../ports.ts";
import { copyTree } from "../disk/copy-tree.ts";
import { disk, errorCode, putInPlace } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { lstatIfThere, obstacleAbove } from "../disk/stat.ts";
import { personalLitter } from "../observe/observer.ts";

/** What is about to lie at an output's path. */
export interface Coming {
  readonly path: string;
  readonly digest: Digest;
}

type Look = (path: string, kind: "file" | "folder") => Promise<Observation>;

/** How files in the workspace are looked at, and which of them something else could bring back. */
export interface Looks {
  readonly look: Look;
  /** The same for what is kept already: nothing that is built depends on it. */
  readonly lookAtKept: Look;
  readonly isKnown: (path: string, digest: Digest) => Promise<boolean>;
}

/**
 * Before outputs are replaced: keeps what lies there if neither a record nor the store knows it, because then
 * a person made it, and nothing else could bring it back. The copy is there before anything is moved, so a
 * crash at any point loses nothing.
 *
 * @returns what was kept, and where
 */
export async function keepUnknown(
  layout: Layout,
  coming: readonly Coming[],
  { look, lookAtKept, isKnown }: Looks,
): Promise<readonly Replaced[]> {
  const kept: Replaced[] = [];
  const places = new Map<string, Digest | null>();
  for (const { path, digest } of coming) {
    // A file where a folder has to be steps aside for it: nothing comes in its own place.
    const obstacle = obstacleAbove(layout.root, path);
    places.set(obstacle ?? path, obstacle === null ? digest : null);
  }
  for (const [path, digest] of places) {
    const absolute = join(layout.root, path);
    if (lstatIfThere(absolute) === undefined) continue;
    const found = await look(path, kindOf(absolute));
    // Unsaved changes or a repository are in no record, and in no digest.
    const hasMore = kindOf(absolute) === "folder" && holdsPersonalLitter(absolute);
    if (hasMore) {
      const all: Observation = { state: "unreadable", error: "a part of the output has no digest" };
      kept.push({ path, kept: await keep(layout, path, all, lookAtKept) });
      continue;
    }
    const known =
      found.state === "present" && (found.digest === digest || (await isKnown(path, found.digest)));
    if (!known) kept.push({ path, kept: await keep(layout, path, found, lookAtKept) });
  }
  return kept;
}

/** Returns where it is kept. The name tells the content; but what has that name already is held against it. */
async function keep(layout: Layout, path: string, found: Observation, look: Look): Promise<string> {
  const digest = found.state === "present" ? found.digest : null;
  const name = digest === null ? randomBytes(5).toString("hex") : shortDigest(digest);
  for (let copy = 1; ; copy++) {
    const folder = copy === 1 ? name : `${name}-${copy}`;
    const place = join(layout.replaced, folder, path);
    const kept = relative(layout.root, place);
    if (fs.lstatSync(place, { throwIfNoEntry: false }) === undefined) {
      keepCopy(join(layout.root, path), place);
      return kept;
    }
    const there = await look(kept, kindOf(place));
    if (there.state === "present" && there.digest === digest) return kept;
  }
}

function holdsPersonalLitter(folder: string): boolean {
  try {
    return personalLitter(folder).next().done !== true;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return true; // what cannot be looked through may hold anything
  }
}

function kindOf(absolute: string): "file" | "folder" {
  try {
    return fs.statSync(absolute).isDirectory() ? "folder" : "file";
  } catch {
    return "file"; // the next reader says what is wrong
  }
}

/**
 * A second name costs nothing, and is enough for a file that has no other: once the output is replaced, no process
 * writes to it any more. A file with several names is copied, since it can be edited under another one.
 */
function keepCopy(from: string, to: string): void {
  const stat = fs.lstatSync(from);
  putInPlace(to, (temporary) => {
    if (!stat.isFile() || stat.nlink > 1) {
      copyTree(from, temporary);
      return;
    }
    try {
      disk.link(from, temporary);
    } catch (error) {
      if (errorCode(error) === "") throw error;
      copyTree(from, temporary); // on another file system, or one without second names
    }
  });
}
