import type { Failure } from "../model/failure.ts";
import { foldersAbove, onceForEachFolder, parentOf } from "../model/folders.ts";
import { fileOf } from "../model/region.ts";
import type { ActionNode, Graph, GraphInput } from "./graph.ts";
import { includeFilter, mayMatchBelow } from "./include.ts";
import { placeOf } from "./place.ts";

/** The folder output that a path lies in, if any. */
export type EnclosingOutput = (path: string) => { path: string; action: ActionNode } | null;

export function enclosingOutputs(byOutput: Graph["byOutput"]): EnclosingOutput {
  const around = onceForEachFolder<ReturnType<EnclosingOutput>>(null, (folder, outer) => {
    const owner = byOutput.get(folder);
    return owner === undefined ? outer : { path: folder, action: owner.action };
  });
  return (path) => around(parentOf(path));
}

/** Outputs that lie inside a folder which is an output itself. */
export function overlaps(byOutput: Graph["byOutput"], enclosing: EnclosingOutput): Failure[] {
  const failures: Failure[] = [];
  for (const [path, { action }] of byOutput) {
    const folder = enclosing(path);
    if (folder === null) continue;
    failures.push({
      reason: "overlapping_output",
      message: `The output ${path} lies inside ${folder.path}, which is the output of another role or action`,
      nextStep: "Give each output a place of its own: a folder output is replaced as a whole.",
      target: path,
      ...placeOf(action.declaration),
    });
  }
  return failures;
}

/** A source folder that holds an output would hide who makes that file. */
export function swallowedOutputs(
  nodes: readonly ActionNode[],
  byOutput: Graph["byOutput"],
): Failure[] {
  const folders = new Map<string, { readonly node: ActionNode; readonly input: GraphInput }[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      if (input.kind !== "folder" || input.producer !== null) continue;
      const list = folders.get(input.path);
      if (list === undefined) folders.set(input.path, [{ node, input }]);
      else list.push({ node, input });
    }
  }
  if (folders.size === 0) return [];
  const failures: Failure[] = [];
  const isTaken = onceForEachFolder(false, (folder, around) => around || folders.has(folder));
  for (const [path, { action, role }] of byOutput) {
    if (!isTaken(parentOf(path))) continue;
    const kind = action.declaration.outputs[role]?.kind ?? "file";
    for (const folder of foldersAbove(path)) {
      const inside = fileOf({ path, kind }).slice(folder.length + 1);
      const takers = (folders.get(folder) ?? []).filter(
        ({ input }) =>
          includeFilter(input.include)(inside) ||
          (kind === "folder" && mayMatchBelow(input.include, inside)),
      );
      for (const { node, input } of takers)
        failures.push({
          reason: "overlapping_output",
          message: `The input ${input.role} takes the whole folder ${input.path}, in which ${path} is made`,
          nextStep:
            "Take the made file as an input of its own, or leave it out of the folder's include patterns.",
          target: node.id,
          ...placeOf(node.declaration),
        });
    }
  }
  return failures;
}

/** Lock records are files named after targets, so `x` and `x.json/y` would need one path twice. */
export function recordCollisions(nodes: readonly ActionNode[]): Failure[] {
  if (!nodes.some(({ id }) => id.includes(".json/"))) return [];
  const records = new Set(nodes.map(({ id }) => `${id}.json`));
  return nodes.flatMap(({ id, declaration }) => {
    for (const folder of foldersAbove(id)) {
      if (!records.has(folder)) continue;
      return [
        {
          reason: "overlapping_output" as const,
          message: `${id} lies in a folder that is named like the lock record of ${folder.slice(0, -".json".length)}`,
          nextStep: "Give one of them another name.",
          target: id,
          ...placeOf(declaration),
        },
      ];
    }
    return [];
  });
}
