import * as fs from "node:fs";
import { join, relative } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import { digestOfBytes, digestOfJson, hexOf, type Digest } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { PartialResults } from "../../ports.ts";
import { attempt } from "../disk/attempt.ts";
import { disk, readState, temporaryName, writeFileAtomic } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import type { Layout } from "../disk/layout.ts";
import { isSettled, signatureOf } from "../disk/file-times.ts";
import { modeToMove } from "../disk/permission.ts";
import { lstatIfThere } from "../disk/stat.ts";
import { statOf } from "../evidence/ways.ts";
import { filesBelow } from "../observe/observer.ts";

/** What a run reads, and the state of those files before the run began. */
interface Note {
  readonly target: string;
  readonly reads: Reads;
  /** Null when a change right after would not show. */
  readonly seen: Digest | null;
}

export interface Reads {
  readonly inputs: readonly { readonly path: string; readonly kind: string }[];
  /** Absolute paths of the op's own files. */
  readonly code: readonly string[];
}

/**
 * The folder `.aqm/partial/<identity>/` of one action: `items/` belongs to the op, `runs/` has a note of each
 * run that has not ended yet.
 *
 * An item counts only if the run that measured it read what the identity says. A run that ends well is
 * followed by a look at its inputs (the mutation guard), which confirms its items. A run that was killed is
 * not. Its note therefore says which files it was to read, and how they looked before it began. Only if all of
 * them look the same today, nothing can have changed meanwhile, and the items count. Otherwise they are removed.
 */
export function openPartialResults(
  layout: Layout,
  node: ActionNode,
  identity: Digest,
  code: readonly string[],
): Result<PartialResults, Failure> {
  const folder = join(layout.partial, hexOf(identity));
  const runs = join(folder, "runs");
  const notePath = join(runs, `${hexOf(digestOfBytes(node.id)).slice(0, 20)}.json`);
  try {
    // What stands in the place of the notes has taken their place, so their content is not known.
    const lost = isObstacle(runs);
    const dropped = lost || hasDoubtfulRun(runs, layout);
    if (isObstacle(folder) || lost) removePartialResults(layout, identity);
    else if (dropped) removeItems(layout, identity);
    const items = join(folder, "items");
    if (isObstacle(items)) disk.remove(items);
    for (const place of [folder, runs, items]) {
      const mode = modeToMove(place);
      if (mode !== null) disk.allow(place, mode);
    }
    const inputs = node.inputs.map(({ path, kind }) => ({ path, kind }));
    const reads = { inputs, code };
    const note: Note = { target: node.id, reads, seen: signatureOfReads(layout, reads) };
    writeFileAtomic(notePath, `${JSON.stringify(note)}\n`);
    underWay.add(notePath);
    disk.touch(folder); // a use, for `aqm gc`
    return ok({
      folder: items,
      dropped,
      // What cannot be removed is looked at again by the next run; the action itself is not touched by it.
      confirm: () => {
        underWay.delete(notePath);
        attempt(() => disk.remove(notePath));
      },
      discard: () => {
        underWay.delete(notePath);
        attempt(() => removeItems(layout, identity));
      },
      leave: () => void underWay.delete(notePath),
    });
  } catch (error) {
    return err(diskFailure(error, relative(layout.root, folder), node.id));
  }
}

/**
 * Notes of runs of this process that go on, and so may still keep items. Another process has none:
 * a workspace has one build at a time.
 */
const underWay = new Set<string>();

/** The items first, so that a crash cannot leave items without the notes that put them in doubt. */
function removeItems({ partial }: Layout, identity: Digest): void {
  const folder = join(partial, hexOf(identity));
  const items = join(folder, "items");
  if (fs.lstatSync(items, { throwIfNoEntry: false }) !== undefined) {
    const aside = temporaryName(folder); // in a place that `aqm gc` clears
    disk.rename(items, aside);
    disk.remove(aside);
  }
  const runs = join(folder, "runs");
  for (const name of fs.readdirSync(runs)) {
    const path = join(runs, name);
    if (!underWay.has(path)) disk.remove(path);
  }
}

/** In one rename, for the same reason. */
export function removePartialResults({ partial }: Layout, identity: Digest): void {
  const folder = join(partial, hexOf(identity));
  const aside = temporaryName(folder);
  disk.rename(folder, aside);
  disk.remove(aside);
}

/** The stats of all that a run reads; null when a later change of a file would not show in them. */
function signatureOfReads(layout: Layout, reads: Reads): Digest | null {
  const { signature, settled } = statsOfReads(layout, reads);
  return settled ? signature : null;
}

/** The stats of all that a run reads, and whether each later change of a file would show in them. */
export function statsOfReads(
  { root }: Pick<Layout, "root">,
  { inputs, code }: Reads,
): { readonly signature: Digest; readonly settled: boolean } {
  const files = inputs.flatMap(({ path, kind }) => {
    const absolute = join(root, path);
    return kind === "folder" && statOf(absolute)?.isDirectory() === true
      ? filesBelow(absolute, null).map((file) => join(absolute, file))
      : [absolute];
  });
  const now = Date.now();
  let settled = true;
  const signatures = [...files, ...code].map((path) => {
    const stat = statOf(path);
    if (stat !== undefined && !isSettled(stat, now)) settled = false;
    return [path, signatureOf(stat)];
  });
  return { signature: digestOfJson(signatures), settled };
}

/** Whether a run was cut off, so that what it read is not known any more. */
function hasDoubtfulRun(runs: string, layout: Layout): boolean {
  if (statOf(runs)?.isDirectory() !== true) return false;
  return fs.readdirSync(runs).some((name) => {
    if (!name.endsWith(".json")) return false; // half a note: its run had not begun
    const path = join(runs, name);
    if (statOf(path)?.isFile() === false) return true; // a pipe would never end
    const text = readState(path);
    if (text === null) return false; // it has just ended
    const note = noteIn(text);
    const seen = note?.seen ?? null;
    return note === null || seen === null || seen !== signatureOfReads(layout, note.reads);
  });
}

/** Null when it is damaged. */
function noteIn(text: string): Note | null {
  try {
    const note = JSON.parse(text) as Partial<Note> | null;
    const whole = Array.isArray(note?.reads?.inputs) && Array.isArray(note.reads.code);
    return whole ? (note as Note) : null;
  } catch {
    return null;
  }
}

const isObstacle = (path: string): boolean => lstatIfThere(path)?.isDirectory() === false;
