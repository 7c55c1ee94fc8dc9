import type { ActionNode } from "../../graph/graph.ts";
import type { OutputDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";

/** What keeps outputs from their place, beside the disk and what a person wrote there. */

export const outputMissing = (
  node: ActionNode,
  role: string,
  output: OutputDeclaration,
): Failure => ({
  reason: "output_missing",
  message: `The op said it was done but did not write its output ${role} (a ${output.kind})`,
  target: node.id,
  place: { file: output.path },
  nextStep: "This is a mistake in the op: it must write every declared output.",
});

/** The same words for every target, so that they are said once where a cache goes away under many of them. */
export const notFetched = (node: ActionNode, path: string, place: string): Failure => ({
  reason: "state_damaged",
  message: `The shared cache ${place} does not have ${path} any more, or has it damaged`,
  target: node.id,
  place: { file: path },
  nextStep: "`aqm build` makes it again.",
});

export const notTaken = (node: ActionNode, path: string, place: string, why: string): Failure => ({
  reason: "state_damaged",
  message: `What the shared cache ${place} has for ${path} cannot be an output: ${why}`,
  target: node.id,
  place: { file: path },
  nextStep: "`aqm build` makes it again. Tell who may write that cache.",
});

export const damagedBlob = (node: ActionNode, path: string): Failure => ({
  reason: "state_damaged",
  message: `The stored copy of ${path} is damaged and was removed from the store`,
  target: node.id,
  place: { file: path },
  nextStep: "`aqm build` makes it again.",
});
