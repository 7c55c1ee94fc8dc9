import type { Failure } from "../model/failure.ts";
import { foldersAbove } from "../model/folders.ts";
import { fold } from "../model/name-clash.ts";
import { isRegionId, regionOf } from "../model/region.ts";
import type { ActionNode } from "./graph.ts";
import { placeOf } from "./place.ts";

type Made = ReadonlyMap<string, { readonly action: ActionNode; readonly role: string }>;

/**
 * Regions share their file with each other and with people, and with nothing else: an action that makes the whole
 * file would overwrite them, and an action that reads the file would read it before it is filled.
 */
export function regionClashes(nodes: readonly ActionNode[], byOutput: Made): Failure[] {
  const documents = new Map<string, { readonly path: string; readonly action: ActionNode }>();
  const failures: Failure[] = [];
  for (const [path, { action, role }] of byOutput) {
    if (action.declaration.outputs[role]?.kind !== "region") continue;
    const { file, id } = regionOf(path);
    if (file === "" || !isRegionId(id)) failures.push(unnamed(path, action));
    const other = documents.get(fold(file));
    if (other === undefined) documents.set(fold(file), { path, action });
    else if (regionOf(other.path).file !== file)
      failures.push(clash(path, action, `${other.path} is in the same file`, ONE_NAME));
  }
  if (documents.size === 0) return failures;
  for (const [path, { action, role }] of byOutput) {
    if (action.declaration.outputs[role]?.kind === "region") continue;
    const whole = documents.get(fold(path));
    if (whole !== undefined)
      failures.push(clash(whole.path, whole.action, `${path} is made as a whole`, ONE_MAKER));
    for (const folder of foldersAbove(path)) {
      const around = documents.get(fold(folder));
      if (around !== undefined)
        failures.push(clash(around.path, around.action, `${path} is made inside it`, ONE_MAKER));
    }
  }
  for (const node of nodes) {
    for (const { path, producer } of node.inputs) {
      const part = producer === null ? documents.get(fold(path)) : undefined;
      if (part !== undefined)
        failures.push(clash(part.path, node, `the action reads the whole file ${path}`, NO_READER));
    }
  }
  return failures;
}

const ONE_NAME = "Write the file's name the same way in both.";
const ONE_MAKER = "Let one action make the whole file, or put the region into another file.";
const NO_READER = "Read what the region is made from, or split the file.";

const clash = (path: string, node: ActionNode, cause: string, nextStep: string): Failure => ({
  reason: "overlapping_output",
  message: `The region ${path} cannot be filled: ${cause}`,
  nextStep,
  target: node.id,
  ...placeOf(node.declaration),
});

const unnamed = (path: string, node: ActionNode): Failure => ({
  reason: "invalid_declaration",
  message: `${JSON.stringify(path)} does not name a region of a file`,
  nextStep: 'Declare it with region("README.md", "runs").',
  target: node.id,
  ...placeOf(node.declaration),
});
