import { foldersAbove } from "../../model/folders.ts";
import { checksum } from "../disk/checksum.ts";
import { replaceCache } from "../disk/disk.ts";
import { MISSING, STAT_FIELDS, type Evidence } from "../evidence/evidence.ts";
import {
  deltaPath,
  inWorkspace,
  type FreshSnapshot,
  type SnapshotDelta,
} from "./fresh-snapshot.ts";
import { relation, writeFreshSnapshot, type FreshAnswer } from "./snapshot-writer.ts";

/**
 * The same answer after only the `touched` actions were looked at. A row is renewed only if it concerns
 * no other action: what another action made must be as it was when that action was found fresh.
 */
export function renewSnapshot(
  answer: Pick<FreshAnswer, "root" | "state" | "request">,
  before: FreshSnapshot,
  changed: readonly number[],
  touched: ReadonlySet<number>,
  evidence: Evidence,
): void {
  const { root, state, request } = answer;
  const { paths: noted } = evidence.places;
  const places = new Map([...noted].map((path, place) => [inWorkspace(path, root), place]));
  const renewed = new Map<number, Float64Array>();
  const missing = new Set(places.keys());
  before.paths.forEach((path, row) => {
    const place = places.get(path);
    if (place === undefined) return;
    missing.delete(path);
    if (row >= before.header.grounds && isOf(touched, before, row))
      renewed.set(row, evidence.places.row(place));
  });
  // Paths that were not looked at this time (a file that left a folder) are looked for next time, too.
  for (const row of changed) if (!renewed.has(row)) renewed.set(row, NOTHING_THERE);
  const rows = new Set([...before.renewed, ...renewed.keys()]);
  if (missing.size === 0 && rows.size <= LARGEST_DELTA) {
    writeDelta(state, request, before, rows, renewed);
    return;
  }
  const stats = Float64Array.from(before.stats);
  for (const [row, numbers] of renewed) stats.set(numbers, row * STAT_FIELDS);
  rewrite(answer, { ...before, stats }, places, evidence);
}

/** With more rows than this, or new paths, the whole file is written again. */
const LARGEST_DELTA = 2000;

const NOTHING_THERE = new Float64Array(STAT_FIELDS).fill(MISSING);

const isOf = (touched: ReadonlySet<number>, before: FreshSnapshot, row: number): boolean =>
  ownersOf(before, row).every((owner) => touched.has(owner));

function writeDelta(
  state: string,
  request: string,
  before: FreshSnapshot,
  rows: ReadonlySet<number>,
  renewed: ReadonlyMap<number, Float64Array>,
): void {
  const kept = (row: number): Float64Array =>
    before.stats.subarray(row * STAT_FIELDS, (row + 1) * STAT_FIELDS);
  const delta: SnapshotDelta = {
    of: before.seal,
    rows: [...rows].map((row) => [row, ...(renewed.get(row) ?? kept(row))]),
  };
  const content = Buffer.from(JSON.stringify(delta));
  replaceCache(
    deltaPath(state, request),
    Buffer.concat([Buffer.from(`${checksum(content)}\n`), content]),
  );
}

/** With the paths that were not there before. */
function rewrite(
  { state, request }: Pick<FreshAnswer, "state" | "request">,
  before: FreshSnapshot,
  places: ReadonlyMap<string, number>,
  evidence: Evidence,
): void {
  const rowOf = new Map(before.paths.map((path, row) => [path, row]));
  const paths = [...before.paths];
  const added: { readonly place: number; readonly owners: readonly number[] }[] = [];
  for (const [path, place] of places) {
    if (rowOf.has(path)) continue;
    paths.push(path);
    added.push({ place, owners: ownersAbove(path, before, rowOf) });
  }
  if (added.some(({ owners }) => owners.length === 0)) return; // whose it is cannot be told
  const stats = new Float64Array(paths.length * STAT_FIELDS);
  stats.set(before.stats);
  added.forEach(({ place }, index) =>
    stats.set(evidence.places.row(place), (before.paths.length + index) * STAT_FIELDS),
  );
  writeFreshSnapshot(state, request, {
    ...before,
    paths,
    stats,
    owners: relation(paths.length, (row) =>
      row < before.paths.length
        ? ownersOf(before, row)
        : (added[row - before.paths.length]?.owners ?? []),
    ),
  });
}

/** None for a row that the snapshot does not have. */
const ownersOf = ({ owners: { starts, items } }: FreshSnapshot, row: number): Uint32Array =>
  items.subarray(starts[row] ?? items.length, starts[row + 1] ?? items.length);

/** A new file belongs to whom the folder belongs in which it lies. */
function ownersAbove(
  path: string,
  before: FreshSnapshot,
  rowOf: ReadonlyMap<string, number>,
): readonly number[] {
  const found = new Set<number>();
  for (const folder of foldersAbove(path)) {
    const row = rowOf.get(folder);
    if (row === undefined || row < before.header.grounds) continue;
    for (const owner of ownersOf(before, row)) found.add(owner);
  }
  return [...found];
}
