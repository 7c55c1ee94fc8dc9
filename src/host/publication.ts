import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { ActionRecord } from "../model/record.ts";
import { disk, readTextIfExists, writeFileAtomic } from "./disk.ts";
import { fileNameOf, type Layout } from "./layout.ts";
import { parseRecord, type Records } from "./records.ts";

/**
 * Publishing several outputs, or a folder, is a write-ahead transaction. The intent (moves and record) is durable before the first
 * rename, so a crash at any point is finished by `recoverPublications`, and the old artifact is there
 * until the new one is whole.
 */
interface Intent {
  readonly schema: 1;
  /** Workspace-relative paths. */
  readonly moves: readonly { readonly from: string; readonly to: string }[];
  readonly record: ActionRecord;
}

export function publish(
  layout: Layout,
  records: Records,
  moves: Intent["moves"],
  record: ActionRecord,
): void {
  const intent: Intent = { schema: 1, moves, record };
  if (isOneStep(layout, moves)) {
    for (const { from, to } of moves) {
      disk.makeFolder(dirname(join(layout.root, to)));
      disk.rename(join(layout.root, from), join(layout.root, to));
    }
    keep(records, record);
    return;
  }
  const path = join(layout.journal, `${fileNameOf(record.target)}.json`);
  writeFileAtomic(path, JSON.stringify(intent));
  disk.syncFolder(layout.journal);
  carryOut(layout, records, intent);
  disk.remove(path);
}

/**
 * A single file is replaced by one rename, so it needs no intent: a crash before its record is written
 * leaves a whole new file that the old record does not fit, and its action runs again.
 */
function isOneStep(layout: Layout, moves: Intent["moves"]): boolean {
  const [only] = moves;
  if (only === undefined || moves.length > 1) return moves.length === 0;
  const target = fs.lstatSync(join(layout.root, only.to), { throwIfNoEntry: false });
  return fs.statSync(join(layout.root, only.from)).isFile() && target?.isDirectory() !== true;
}

function carryOut(layout: Layout, records: Records, { moves, record }: Intent): void {
  for (const { from, to } of moves) {
    const source = join(layout.root, from);
    const target = join(layout.root, to);
    if (!fs.existsSync(source)) continue; // moved before the crash
    disk.makeFolder(dirname(target));
    replace(source, target, join(layout.stage, `${fileNameOf(to)}.old`));
    disk.syncFolder(dirname(target));
  }
  keep(records, record);
}

function keep(records: Records, record: ActionRecord): void {
  records.write(record);
  records.addToHistory(record);
}

/** A file is replaced in one step; a folder cannot be, so the old one steps aside first. */
function replace(source: string, target: string, aside: string): void {
  const existing = fs.lstatSync(target, { throwIfNoEntry: false });
  if (existing?.isDirectory() === true || fs.statSync(source).isDirectory()) {
    disk.remove(aside);
    if (existing !== undefined) disk.rename(target, aside);
    disk.rename(source, target);
    disk.remove(aside);
    return;
  }
  disk.rename(source, target);
}

/** Finishes what a crash left; an intent that is not whole never moved anything and is dropped. */
export function recoverPublications(layout: Layout, records: Records): readonly string[] {
  const finished: string[] = [];
  if (!fs.existsSync(layout.journal)) return finished;
  for (const name of fs.readdirSync(layout.journal)) {
    const path = join(layout.journal, name);
    const intent = name.endsWith(".json") ? parseIntent(readTextIfExists(path) ?? "") : null;
    if (intent !== null) {
      carryOut(layout, records, intent);
      finished.push(intent.record.target);
    }
    disk.remove(path);
  }
  return finished;
}

function parseIntent(text: string): Intent | null {
  try {
    const intent = JSON.parse(text) as Intent;
    return parseRecord(JSON.stringify(intent.record)) === null ? null : intent;
  } catch {
    return null;
  }
}
