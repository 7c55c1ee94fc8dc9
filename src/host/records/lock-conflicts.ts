import { join } from "node:path";
import { hasConflictMarkers, sidesOf, type Side } from "../../keys/resolve.ts";
import type { Failure } from "../../model/failure.ts";
import type { ActionRecord } from "../../model/record.ts";
import { ok, type Result } from "../../model/result.ts";
import { readTextIfExists } from "../disk/disk.ts";
import { filesBelow } from "../disk/files-below.ts";
import { Git } from "../process/git.ts";
import type { Layout } from "../disk/layout.ts";
import { parseLockRecord } from "./records.ts";

/** A lock record that a merge could not settle. */
export interface LockConflict {
  readonly target: string;
  /** Relative to the workspace. */
  readonly file: string;
  /** The file as it lies in the workspace has conflict markers: it is no record. */
  readonly marked: boolean;
  /** The record of each side; null where a side has none, or none that is whole. */
  readonly records: Readonly<Record<Side, ActionRecord | null>>;
}

/**
 * Conflicts that Git's index tells of, and files with conflict markers that it knows nothing of (there
 * is no Git, or they were added as they were). Sorted by target.
 */
export async function findLockConflicts(
  layout: Layout,
): Promise<Result<readonly LockConflict[], Failure>> {
  const unmerged = (await Git.of(layout.root)?.unmergedRecords()) ?? ok([]);
  if (!unmerged.ok) return unmerged;
  const conflicts = new Map<string, LockConflict>();
  const note = (file: string, here: string | null, ours: string | null, theirs: string | null) => {
    const target = file.replace(/^aqm\.lock\//, "").replace(/\.json$/, "");
    const parse = (text: string | null): ActionRecord | null => {
      const record = text === null ? null : parseLockRecord(text);
      return record?.target === target ? record : null;
    };
    const marked = here !== null && hasConflictMarkers(here);
    const records = { here: parse(here), ours: parse(ours), theirs: parse(theirs) };
    conflicts.set(target, { target, file, marked, records });
  };
  for (const { path, ours, theirs } of unmerged.value) {
    note(path, readTextIfExists(join(layout.root, path)), ours, theirs);
  }
  const known = new Set(unmerged.value.map(({ path }) => path));
  for (const name of filesBelow(layout.lockRecords, "**/*.json")) {
    const file = `aqm.lock/${name}`;
    const text = known.has(file) ? null : readTextIfExists(join(layout.lockRecords, name));
    if (text === null || !hasConflictMarkers(text)) continue;
    const { ours, theirs } = sidesOf(text);
    note(file, text, ours, theirs);
  }
  return ok([...conflicts.values()].sort((a, b) => (a.target < b.target ? -1 : 1)));
}
