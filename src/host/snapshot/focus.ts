import * as fs from "node:fs";
import type { ActionDeclaration } from "../../model/declaration.ts";
import { digestOfBytes } from "../../model/digest.ts";
import { buildGraph } from "../../graph/build-graph.ts";
import type { Selection } from "../../graph/select.ts";
import type { LoadedAqmfile } from "../aqmfile/aqmfile.ts";
import { wasMissing, type FreshSnapshot } from "./fresh-snapshot.ts";

/** The part of a graph that has to be looked at; everything else is as fresh as it was. */
export interface Focus {
  readonly aqmfile: LoadedAqmfile;
  readonly selection: Selection;
  /** Positions in the snapshot of the actions that are looked at. */
  readonly touched: ReadonlySet<number>;
  /** Number of actions that are left out because nothing that they depend on has changed. */
  readonly untouched: number;
}

/**
 * Narrows a request to the actions whose places have changed and to all that is made from them. What
 * these read from other actions counts as a source here: it is what the snapshot says it is.
 *
 * @returns null when the snapshot does not have what is needed; then the whole graph must be looked at
 */
export function focusOn(
  snapshot: FreshSnapshot,
  changed: readonly number[],
  graphFile: string,
): Focus | null {
  const touched = touchedActions(snapshot, changed);
  const actions = readDeclarations(snapshot, touched, graphFile);
  if (actions === null || lacksInputs(snapshot, actions, changed)) return null;
  const graph = buildGraph({ actions, defaults: [] });
  if (!graph.ok) return null;
  const { exact, environments, cache, slurm } = snapshot.header;
  const nothing = { adopters: [], comparers: [], files: [] };
  return {
    aqmfile: { graph: graph.value, environments, ...nothing, cache, slurm },
    selection: {
      requested: new Set(graph.value.actions),
      exact: new Set(exact),
      needed: graph.value.actions,
      skipped: new Map(), // the snapshot has them, folded
    },
    touched: new Set(touched),
    untouched: snapshot.header.actions - actions.length,
  };
}

/** In topological order. */
function touchedActions(
  { owners, consumers }: FreshSnapshot,
  changed: readonly number[],
): readonly number[] {
  const touched = new Set<number>();
  const pending: number[] = [];
  const add = (action: number): void => {
    if (touched.has(action)) return;
    touched.add(action);
    pending.push(action);
  };
  for (const row of changed)
    owners.items.subarray(owners.starts[row], owners.starts[row + 1]).forEach(add);
  for (let next = pending.pop(); next !== undefined; next = pending.pop())
    consumers.items.subarray(consumers.starts[next], consumers.starts[next + 1]).forEach(add);
  return [...touched].sort((a, b) => a - b);
}

/** Null when the graph file is not the one that belongs to the snapshot, or not whole. */
function readDeclarations(
  { header, lines }: FreshSnapshot,
  actions: readonly number[],
  path: string,
): readonly ActionDeclaration[] | null {
  let file: number;
  try {
    file = fs.openSync(path, "r");
  } catch {
    return null;
  }
  try {
    const read = (start: number, end: number): string => {
      const buffer = Buffer.alloc(end - start);
      fs.readSync(file, buffer, 0, buffer.length, start);
      return buffer.toString("utf8");
    };
    if (read(0, header.stamp.length + 1) !== `${header.stamp}\n`) return null;
    const declarations: ActionDeclaration[] = [];
    for (const action of actions) {
      const line = read(lines[action] ?? 0, (lines[action + 1] ?? 1) - 1);
      const tab = line.lastIndexOf("\t");
      const text = line.slice(0, Math.max(0, tab));
      if (digestOfBytes(text) !== line.slice(tab + 1)) return null;
      declarations.push(JSON.parse(text) as ActionDeclaration);
    }
    return declarations;
  } finally {
    fs.closeSync(file);
  }
}

/**
 * An absent output of another action would have to be brought back before one of these can run, and that
 * action is not among them.
 */
function lacksInputs(
  snapshot: FreshSnapshot,
  actions: readonly ActionDeclaration[],
  changed: readonly number[],
): boolean {
  const made = new Set(actions.flatMap(({ outputs }) => Object.values(outputs).map((o) => o.path)));
  const looked = new Set(changed);
  const missing = new Set<string>();
  snapshot.paths.forEach((path, row) => {
    if (wasMissing(snapshot, row) && !looked.has(row)) missing.add(path);
  });
  return actions.some(({ inputs }) =>
    Object.values(inputs).some(
      ({ path, obtain, optional }) =>
        obtain === undefined && optional === undefined && missing.has(path) && !made.has(path),
    ),
  );
}
