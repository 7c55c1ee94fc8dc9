import type { Basis, Subject } from "./subject.ts";

/** Whether the scores of two analyses mean the same amount. */
export interface Comparability {
  /** Why not; empty when magnitudes can be compared. */
  readonly refused: readonly string[];
  /** What neither side records, so that it is taken on trust. */
  readonly unrecorded: readonly string[];
}

const NAMES: Readonly<Record<keyof Basis, string>> = {
  model: "the model",
  method: "the method",
  data: "the calibration data",
  samples: "samples",
  batches: "batches",
  tokens: "tokens in the loss",
  batch_size: "the batch size",
  sequence_length: "the sequence length",
  loss: "the loss",
};

/**
 * Scores are sums over samples of something that depends on the loss. Two of them can be subtracted or
 * divided only if both run over the same; a difference would else show how much was summed, and not how
 * sensitive a layer is. Places and shares need no such thing.
 */
export function comparability(a: Subject, b: Subject): Comparability {
  const refused: string[] = [];
  const unrecorded: string[] = [];
  for (const field of Object.keys(NAMES) as (keyof Basis)[]) {
    const [ofA, ofB] = [a.basis[field], b.basis[field]];
    const name = NAMES[field];
    if (ofA === ofB && ofA !== null) continue;
    if (ofA !== null && ofB !== null) refused.push(`${name}: ${ofA} in A, ${ofB} in B`);
    else if (field === "samples")
      refused.push(`over how many samples ${sideOf(ofA, ofB)} is summed is not recorded`);
    else if (ofA === null && ofB === null) unrecorded.push(name);
    else unrecorded.push(`${name} (only ${ofA === null ? "B" : "A"} has it)`);
  }
  if (a.kind === "mean_squared_errors" || b.kind === "mean_squared_errors")
    refused.push("an engine's mean squared errors are no sums of scores");
  return { refused, unrecorded };
}

const sideOf = (a: unknown, b: unknown): string =>
  a === null && b === null ? "either side" : a === null ? "A" : "B";
