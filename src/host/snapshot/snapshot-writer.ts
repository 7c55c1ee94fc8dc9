import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import { digestOfBytes } from "../../model/digest.ts";
import { onceForEachFolder, parentOf } from "../../model/folders.ts";
import { fileOf } from "../../model/region.ts";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { SharedCacheDeclaration } from "../../model/shared-cache.ts";
import type { SkippedGroup } from "../../model/skipped.ts";
import type { SlurmDeclaration } from "../../model/slurm.ts";
import { checksum } from "../disk/checksum.ts";
import { disk, replaceCache } from "../disk/disk.ts";
import { STAT_FIELDS, type Evidence, type StatTable } from "../evidence/evidence.ts";
import {
  graphPath,
  inWorkspace,
  padding,
  snapshotPath,
  type FreshSnapshot,
  type Relation,
  type SnapshotHeader,
} from "./fresh-snapshot.ts";

/** What a snapshot is taken of. */
export interface FreshAnswer {
  readonly root: string;
  /** The state folder. */
  readonly state: string;
  /** What was asked, as text. */
  readonly request: string;
  /** All that the answer covers, in topological order. */
  readonly nodes: readonly ActionNode[];
  readonly exact: ReadonlySet<string>;
  readonly environments: readonly EnvironmentDeclaration[];
  readonly cache?: SharedCacheDeclaration | null;
  readonly slurm: SlurmDeclaration;
  readonly skipped?: readonly SkippedGroup[];
  /** Absolute path of the record of an action. */
  readonly recordPath: (target: string) => string;
}

/** Takes the snapshot of an answer that the whole graph was looked at for. */
export function takeSnapshot(answer: FreshAnswer, evidence: Evidence): void {
  const { root, state, request, nodes } = answer;
  const stamp = randomBytes(8).toString("hex");
  const graph = graphFile(stamp, nodes);
  replaceCache(graphPath(state, request), graph.content);

  const owners = new Owners(answer);
  const places = split(evidence.places, root, owners);
  const shown = (table: StatTable): readonly string[] =>
    [...table.paths].map((path) => inWorkspace(path, root));
  const links = shown(evidence.links);
  const own = [...links, ...shown(evidence.grounds)];
  const paths = [...own, ...places.foreign, ...places.paths];
  const stats = new Float64Array(paths.length * STAT_FIELDS);
  for (let row = 0; row < own.length; row++) {
    const [table, at] =
      row < links.length ? [evidence.links, row] : [evidence.grounds, row - links.length];
    stats.set(table.row(at), row * STAT_FIELDS);
  }
  places.rows.forEach((row, index) =>
    stats.set(evidence.places.row(row), (own.length + index) * STAT_FIELDS),
  );
  const indexOf = new Map(nodes.map((node, index) => [node, index]));
  writeFreshSnapshot(state, request, {
    header: {
      links: links.length,
      grounds: own.length + places.foreign.length,
      stamp,
      exact: [...answer.exact],
      environments: answer.environments,
      cache: answer.cache ?? null,
      slurm: answer.slurm,
      skipped: answer.skipped ?? [],
    },
    paths,
    stats,
    lines: graph.lines,
    owners: relation(paths.length, (row) => places.owners[row - own.length] ?? []),
    consumers: relation(nodes.length, (action) =>
      (nodes[action]?.consumers ?? []).flatMap((consumer) => indexOf.get(consumer) ?? []),
    ),
  });
}

/** Which actions read or write a path, or keep their record there. */
class Owners {
  readonly #byPath = new Map<string, number[]>();
  readonly #around = onceForEachFolder<readonly number[]>([], (folder, around) =>
    this.#with(folder, around),
  );

  constructor({ nodes, root, recordPath }: FreshAnswer) {
    nodes.forEach((node, index) => {
      this.#add(inWorkspace(recordPath(node.id), root), index);
      for (const { path } of node.inputs) this.#add(path, index);
      for (const output of Object.values(node.declaration.outputs))
        this.#add(fileOf(output), index);
    });
  }

  /** Of the path itself and of every declared folder around it. */
  of(path: string): readonly number[] {
    return this.#with(path, this.#around(parentOf(path)));
  }

  #with(path: string, above: readonly number[]): readonly number[] {
    const own = this.#byPath.get(path);
    return own === undefined ? above : above.length === 0 ? own : [...new Set([...own, ...above])];
  }

  #add(path: string, action: number): void {
    const list = this.#byPath.get(path);
    if (list === undefined) this.#byPath.set(path, [action]);
    else if (list.at(-1) !== action) list.push(action);
  }
}

/** The places, those first that belong to no action: they count as grounds. */
function split(
  table: StatTable,
  root: string,
  owners: Owners,
): {
  readonly foreign: readonly string[];
  readonly paths: readonly string[];
  readonly rows: readonly number[];
  readonly owners: readonly (readonly number[])[];
} {
  const foreign: { path: string; row: number }[] = [];
  const own: { path: string; row: number; owners: readonly number[] }[] = [];
  let row = 0;
  for (const absolute of table.paths) {
    const path = inWorkspace(absolute, root);
    const found = owners.of(path);
    if (found.length === 0) foreign.push({ path, row });
    else own.push({ path, row, owners: found });
    row += 1;
  }
  return {
    foreign: foreign.map(({ path }) => path),
    paths: own.map(({ path }) => path),
    rows: [...foreign, ...own].map((item) => item.row),
    owners: [...foreign.map(() => []), ...own.map((item) => item.owners)],
  };
}

export function relation(count: number, itemsOf: (n: number) => Iterable<number>): Relation {
  const starts = new Uint32Array(count + 1);
  const items: number[] = [];
  for (let n = 0; n < count; n++) {
    for (const item of itemsOf(n)) items.push(item);
    starts[n + 1] = items.length;
  }
  return { starts, items: Uint32Array.from(items) };
}

/** One line an action, each with a digest of its own, since only a few are ever read. */
function graphFile(
  stamp: string,
  nodes: readonly ActionNode[],
): { readonly content: Buffer; readonly lines: Float64Array } {
  const lines = new Float64Array(nodes.length + 1);
  const pieces = [Buffer.from(`${stamp}\n`)];
  let length = pieces[0]?.length ?? 0;
  nodes.forEach(({ declaration }, index) => {
    lines[index] = length;
    const text = JSON.stringify(declaration);
    const piece = Buffer.from(`${text}\t${digestOfBytes(text)}\n`);
    length += piece.length;
    pieces.push(piece);
  });
  lines[nodes.length] = length;
  return { content: Buffer.concat(pieces), lines };
}

export function writeFreshSnapshot(
  state: string,
  request: string,
  snapshot: Omit<FreshSnapshot, "header" | "seal" | "renewed"> & {
    readonly header: Pick<
      SnapshotHeader,
      "links" | "grounds" | "stamp" | "exact" | "environments" | "cache" | "slurm" | "skipped"
    >;
  },
): void {
  const { paths, stats, lines, owners, consumers } = snapshot;
  if (paths.some((path) => path.includes("\0"))) return;
  const names = Buffer.from(paths.join("\0"));
  const body = Buffer.concat([
    names,
    Buffer.alloc(padding(names.length)),
    bytesOf(stats),
    bytesOf(lines),
    ...[owners, consumers].flatMap(({ starts, items }) => [bytesOf(starts), bytesOf(items)]),
  ]);
  const header: SnapshotHeader = {
    ...snapshot.header,
    actions: lines.length - 1,
    paths: paths.length,
    pathBytes: names.length,
    owners: owners.items.length,
    consumers: consumers.items.length,
    request,
  };
  const path = snapshotPath(state, request);
  if (tooMany(path)) disk.remove(dirname(path));
  const sealed = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]);
  replaceCache(path, Buffer.concat([Buffer.from(`${checksum(sealed)}\n`), sealed]));
}

/** A person does not make so many different requests; most of them are of an earlier aqm. */
const MOST_SNAPSHOTS = 500;

const tooMany = (path: string): boolean =>
  fs.existsSync(dirname(path)) && fs.readdirSync(dirname(path)).length > 2 * MOST_SNAPSHOTS;

const bytesOf = (column: Float64Array | Uint32Array): Buffer =>
  Buffer.from(column.buffer, column.byteOffset, column.byteLength);
