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

/** @param away the cache is left out by now; the words are then the same for every target, so that they are said once */
export const notFetched = (
  node: ActionNode,
  path: string,
  { place, away }: { readonly place: string; readonly away: boolean },
): Failure => ({
  reason: "state_damaged",
  message: away
    ? `What was still to come from the shared cache ${place} is not here`
    : `The shared cache ${place} did not give ${path}`,
  target: node.id,
  place: { file: path },
  nextStep: "`aqm build` makes it again.",
});

export const notStored = (node: ActionNode, path: string): Failure => ({
  reason: "state_damaged",
  message: `The store does not have ${path} any more`,
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
