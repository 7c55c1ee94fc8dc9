import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import { checkOutputPath, checkPath } from "../../graph/path.ts";
import { whyNotInside } from "../../model/inside.ts";
import type { ActionRecord } from "../../model/record.ts";
import { fileOf } from "../../model/region.ts";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import type { Observation } from "../../plan/knowledge.ts";
import type { Recovered } from "../../ports.ts";
import { disk, errorCode, readState, writeFileAtomic, type ComingFile } from "../disk/disk.ts";
import { removeAbandoned } from "../disk/abandoned.ts";
import { fileNameOf, type Layout } from "../disk/layout.ts";
import { lstatIfThere, obstacleAbove } from "../disk/stat.ts";
import type { History } from "../records/history.ts";
import { parseRecord, type Records } from "../records/records.ts";
import { publishRegion } from "../disk/regions.ts";

/** Workspace-relative paths. */
export interface Move {
  readonly from: string;
  readonly to: string;
  /** What is staged is the content of a region. */
  readonly region?: true;
}

/**
 * Publishing several outputs, or a folder, is a write-ahead transaction. The intent (moves and record)
 * is durable before the first rename, so a crash at any point is finished by `recoverPublications`, and
 * the old artifact is there until the new one is whole.
 */
interface Intent {
  readonly schema: 1;
  readonly moves: readonly Move[];
  readonly record: ActionRecord;
  /** Of the moves and the record: a damaged intent must not move anything anywhere. */
  readonly digest: Digest;
}

const digestOfIntent = ({ moves, record }: Pick<Intent, "moves" | "record">): Digest =>
  digestOfBytes(JSON.stringify([moves, record]));

/** Where results are written down. */
export interface Books {
  readonly records: Records;
  readonly history: History;
}

export const intentText = (moves: Intent["moves"], record: ActionRecord): string =>
  JSON.stringify({
    schema: 1,
    moves,
    record,
    digest: digestOfIntent({ moves, record }),
  } satisfies Intent);

/** Where the intent of an action is while its publication is under way. */
export const intentPath = (layout: Layout, target: string): string =>
  join(layout.journal, `${fileNameOf(target)}.json`);

/** @param written the record, durable beside its place; written here without it */
export function publish(
  layout: Layout,
  books: Books,
  moves: Intent["moves"],
  record: ActionRecord,
  written?: ComingFile,
): void {
  if (isOneStep(layout, moves)) {
    for (const one of moves) move(layout, one);
    keep(books, record, written);
    return;
  }
  const path = intentPath(layout, record.target);
  writeFileAtomic(path, intentText(moves, record));
  disk.syncFolder(layout.journal);
  for (const one of moves) move(layout, one);
  keep(books, record, written);
  disk.remove(path);
}

/**
 * A single file is replaced by one rename, so it needs no intent: a crash before its record is written
 * leaves a whole new file that the old record does not fit, and its action runs again.
 */
function isOneStep(layout: Layout, moves: Intent["moves"]): boolean {
  const [only] = moves;
  if (only === undefined || moves.length > 1) return moves.length === 0;
  const target = lstatIfThere(join(layout.root, only.to));
  return fs.statSync(join(layout.root, only.from)).isFile() && target?.isDirectory() !== true;
}

function move(layout: Layout, { from, to, region }: Move): void {
  const target = join(layout.root, to);
  const obstacle = obstacleAbove(layout.root, to);
  if (obstacle !== null) disk.remove(join(layout.root, obstacle)); // kept or known: see `keepUnknown`
  disk.makeFolder(dirname(target));
  if (region === true) {
    publishRegion(layout.root, join(layout.root, from), to);
    return;
  }
  replace(join(layout.root, from), target, join(layout.stage, `${fileNameOf(to)}.old`));
}

function keep({ records, history }: Books, record: ActionRecord, written?: ComingFile): void {
  if (written === undefined) records.write(record);
  else written.place();
  history.add(record);
}

/** A file is replaced in one step; a folder cannot be, so the old one steps aside first. */
function replace(source: string, target: string, aside: string): void {
  const existing = fs.lstatSync(target, { throwIfNoEntry: false });
  if (existing?.isDirectory() === true || fs.statSync(source).isDirectory()) {
    disk.remove(aside);
    if (existing !== undefined) disk.moveInto(target, aside);
    disk.moveInto(source, target);
    disk.syncFolder(dirname(target));
    removeLater(aside);
    return;
  }
  disk.moveInto(source, target);
}

/** What is replaced already and cannot be removed (another user's file in it) must not undo the publication. */
function removeLater(path: string): void {
  try {
    disk.remove(path);
  } catch (error) {
    if (errorCode(error) === "") throw error; // else the next command clears the stage
  }
}

export interface Foreseen {
  readonly target: string;
  /** Null when it will be given up. */
  readonly record: ActionRecord | null;
  /** What will lie at each workspace-relative path that is moved to. */
  readonly places: ReadonlyMap<string, Observation>;
}

/**
 * Finishes what a crash left. An intent that is not whole never moved anything and is dropped; so is one
 * whose outputs are not, in the end, what its record says. Nothing here can stop a later build.
 *
 * @param digestOf the digest of what is at a workspace-relative path now
 */
export async function recoverPublications(
  layout: Layout,
  books: Books,
  digestOf: (path: string, isRegion: boolean) => Promise<string | null>,
): Promise<Omit<Recovered, "notices">> {
  const finished: string[] = [];
  const given_up: string[] = [];
  const interrupted = fs.existsSync(layout.stage);
  const names = fs.existsSync(layout.journal) ? fs.readdirSync(layout.journal) : [];
  for (const name of names) {
    const path = join(layout.journal, name);
    const intent = name.endsWith(".json") ? parseIntent(readState(path) ?? "") : null;
    if (intent !== null) {
      const whole = await finish(layout, intent, digestOf);
      if (whole) keep(books, intent.record);
      (whole ? finished : given_up).push(intent.record.target);
    } else if (name.endsWith(".json")) books.records.damaged.push(path);
    disk.remove(path);
  }
  for (const folder of [layout.state, layout.compiled, join(layout.state, "fresh")]) {
    removeAbandoned(folder, { ours: true });
  }
  if (interrupted || names.length > 0) {
    // These can be large, and are only written while something is staged.
    removeAbandoned(layout.store, { deep: true, ours: true });
    removeAbandoned(layout.lockRecords, { deep: true, ours: true });
  }
  return { finished, given_up };
}

/** What `recoverPublications` will do, without doing it: a plan is to be made on what it will leave. */
export async function foreseeRecovery(
  layout: Layout,
  observe: (path: string, isRegion: boolean) => Promise<Observation>,
): Promise<readonly Foreseen[]> {
  const names = fs.existsSync(layout.journal) ? fs.readdirSync(layout.journal) : [];
  const foreseen: Foreseen[] = [];
  for (const name of names) {
    const path = join(layout.journal, name);
    const intent = name.endsWith(".json") ? parseIntent(readState(path) ?? "") : null;
    if (intent === null) continue;
    const places = new Map<string, Observation>();
    for (const { from, to, region = false } of intent.moves) {
      const aside = join(layout.stage, `${fileNameOf(to)}.old`);
      const there = fs.existsSync(join(layout.root, to));
      const back = !there && fs.existsSync(aside) ? relative(layout.root, aside) : to;
      const staged = fs.existsSync(join(layout.root, from));
      places.set(to, await observe(staged ? from : back, region && !staged));
    }
    let whole = true;
    for (const [role, { path: output, digest }] of Object.entries(intent.record.outputs)) {
      const found = places.get(output) ?? (await observe(output, isRegion(intent.record, role)));
      if (found.state !== "present" || found.digest !== digest) whole = false;
    }
    foreseen.push({ target: intent.record.target, record: whole ? intent.record : null, places });
  }
  return foreseen;
}

async function finish(
  layout: Layout,
  { moves, record }: Intent,
  digestOf: (path: string, isRegion: boolean) => Promise<string | null>,
): Promise<boolean> {
  try {
    for (const one of moves) {
      const { from, to } = one;
      // It was not looked at since, so a person may have made it.
      if (obstacleAbove(layout.root, to) !== null) return false;
      const aside = join(layout.stage, `${fileNameOf(to)}.old`);
      if (fs.existsSync(join(layout.root, from))) move(layout, one);
      else if (fs.existsSync(aside) && !fs.existsSync(join(layout.root, to))) {
        disk.moveInto(aside, join(layout.root, to)); // the new one is lost: keep the old one
      }
    }
    for (const [role, { path, digest }] of Object.entries(record.outputs)) {
      if ((await digestOf(path, isRegion(record, role))) !== digest) return false;
    }
    return true;
  } catch {
    return false; // an obstacle is named when the target is made again
  }
}

const isRegion = ({ action }: ActionRecord, role: string): boolean =>
  action.outputs[role]?.kind === "region";

function parseIntent(text: string): Intent | null {
  try {
    const intent = JSON.parse(text) as Intent;
    if (intent.digest !== digestOfIntent(intent)) return null;
    const record = parseRecord(JSON.stringify(intent.record));
    return record !== null && intent.moves.every((one) => isOfPublication(one, record))
      ? intent
      : null;
  } catch {
    return null;
  }
}

/**
 * Whether a move leads from the stage to an output that the record declares, in a place where outputs may be.
 * Anybody who can write the journal can make a whole intent, and it must not move anything else.
 */
function isOfPublication({ from, to, region }: Move, { outputs, action }: ActionRecord): boolean {
  if (whyNotInside(from) !== null || !from.startsWith(STAGED)) return false;
  return Object.entries(action.outputs).some(([role, { path, kind }]) => {
    if (path !== to || outputs[role]?.path !== to || (kind === "region") !== (region === true))
      return false;
    const file = fileOf({ path, kind });
    return checkPath(file) === null && checkOutputPath(file) === null;
  });
}

/** See `layout.ts`. */
const STAGED = ".aqm/stage/";
