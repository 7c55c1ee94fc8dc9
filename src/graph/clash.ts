import type { Failure } from "../model/failure.ts";
import { foldersAbove, parentOf } from "../model/folders.ts";
import { fold } from "../model/name-clash.ts";
import type { ActionNode } from "./graph.ts";
import { placeOf } from "./place.ts";

interface Made {
  readonly path: string;
  readonly action: ActionNode;
}

/**
 * Paths that differ only in case, or in how Unicode writes a letter, are one file on many a disk: there
 * one action would overwrite what another one made, or a source. Sources may be as they are.
 */
export function nameClashes(
  nodes: readonly ActionNode[],
  byOutput: ReadonlyMap<string, { readonly action: ActionNode }>,
): Failure[] {
  if (!anyClash(nodes, byOutput)) return [];
  const failures: Failure[] = [];
  const made = new Map<string, Made>();
  for (const [path, { action }] of byOutput) {
    const other = made.get(fold(path));
    if (other === undefined) made.set(fold(path), { path, action });
    else failures.push(clash("output", path, other, action));
  }
  for (const path of byOutput.keys()) {
    const folder = enclosing(path, made);
    if (folder === null || path.startsWith(`${folder.path}/`)) continue;
    const action = byOutput.get(path)?.action;
    if (action !== undefined) failures.push(clash("output", path, folder, action));
  }
  for (const node of nodes) {
    for (const { path, producer } of node.inputs) {
      if (producer !== null) continue;
      const other = made.get(fold(path)) ?? enclosing(path, made);
      const same = other === null || other.path === path || path.startsWith(`${other.path}/`);
      if (!same) failures.push(clash("source", path, other, node));
    }
  }
  return failures;
}

/** Whether any two names are one elsewhere: hardly ever, so the search for who they are can take its time. */
function anyClash(
  nodes: readonly ActionNode[],
  byOutput: ReadonlyMap<string, { readonly action: ActionNode }>,
): boolean {
  const names = new Set<string>();
  const folds = new Set<string>();
  const add = (path: string): void => {
    if (names.has(path)) return; // and so are its folders
    names.add(path);
    folds.add(fold(path));
    const folder = parentOf(path);
    if (folder !== "") add(folder);
  };
  for (const path of byOutput.keys()) add(path);
  for (const { inputs } of nodes)
    for (const { path, producer } of inputs) if (producer === null) add(path);
  return folds.size < names.size;
}

/** The output whose folder a path would lie in on such a disk. */
function enclosing(path: string, made: ReadonlyMap<string, Made>): Made | null {
  for (const folder of foldersAbove(path)) {
    const owner = made.get(fold(folder));
    if (owner !== undefined) return owner;
  }
  return null;
}

const clash = (what: string, path: string, other: Made, node: ActionNode): Failure => ({
  reason: "overlapping_output",
  message: `The ${what} ${path} and the output ${other.path} are one file where names do not tell upper from lower case, or one Unicode form from the other`,
  nextStep: "Give one of them a name that differs in more than that.",
  target: what === "output" ? path : node.id,
  ...placeOf(node.declaration),
});
