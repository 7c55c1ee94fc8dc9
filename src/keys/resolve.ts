import type { Digest } from "../model/digest.ts";
import type { ActionRecord } from "../model/record.ts";
import type { Cause } from "../model/verdict.ts";

/** Where a record of a merge conflict comes from; `here` is what already lies in the workspace. */
export type Side = "here" | "ours" | "theirs";

/** One side, and what the keys say about that side. */
export interface Candidate {
  readonly side: Side;
  /** Null when this side has no record, or none that is whole. */
  readonly record: ActionRecord | null;
  /** The key that the workspace asks for; null while it is not known, or for no action at all. */
  readonly wanted: Digest | null;
  /** Why the record does not fit, as the plan says it. */
  readonly causes: readonly Cause[];
  /** How many of the record's outputs are in the workspace, with the recorded content. */
  readonly outputsHere: number;
}

export type Settlement =
  | {
      readonly keep: Side;
      readonly record: ActionRecord;
      /**
       * Why this one: no other fits, its outputs are here and another's are not, both say the same,
       * or there is nothing to choose by.
       */
      readonly because: "only_fit" | "outputs_here" | "same_result" | "first";
    }
  | { readonly keep: null; readonly because: "none_fits" | "ambiguous" };

/**
 * Settles a merge conflict of one lock record by asking the keys. A record whose key is the wanted one
 * tells the truth about what is here; nothing else decides, and nothing is computed again.
 *
 * Each record stands for the inputs that are not here, as in a clone. So two records may both fit and
 * yet have different keys: then only outputs that are here can tell, and without them the question stays open.
 */
export function settle(candidates: readonly Candidate[]): Settlement {
  const fitting = candidates.flatMap(({ side, record, wanted, outputsHere }) =>
    record !== null && record.key === wanted ? [{ side, record, outputsHere }] : [],
  );
  const [first, ...others] = [...fitting].sort((a, b) => b.outputsHere - a.outputsHere);
  if (first === undefined) return { keep: null, because: "none_fits" };
  const { side: keep, record, outputsHere } = first;
  if (others.length === 0) return { keep, record, because: "only_fit" };
  const sameKey = others.every((other) => other.record.key === record.key);
  const rivals = others.filter((other) => !sameKey || !sameOutputs(other.record, record));
  if (rivals.length === 0) return { keep, record, because: "same_result" };
  if (rivals.every((rival) => rival.outputsHere < outputsHere)) {
    return { keep, record, because: "outputs_here" };
  }
  return sameKey ? { keep, record, because: "first" } : { keep: null, because: "ambiguous" };
}

function sameOutputs(a: ActionRecord, b: ActionRecord): boolean {
  const roles = Object.keys(a.outputs);
  return (
    roles.length === Object.keys(b.outputs).length &&
    roles.every((role) => a.outputs[role]?.digest === b.outputs[role]?.digest)
  );
}

/** No line of a whole record begins like this. */
export const hasConflictMarkers = (text: string): boolean =>
  /^(?:<{7}|\|{7}|={7}|>{7})(?: |\r?$)/m.test(text);

/** Both sides of a text with conflict markers, without what git shows of their common ancestor. */
export function sidesOf(text: string): { readonly ours: string; readonly theirs: string } {
  const ours: string[] = [];
  const theirs: string[] = [];
  let part: "both" | "ours" | "base" | "theirs" = "both";
  for (const line of text.split(/(?<=\n)/)) {
    const marker = /^(<{7}|\|{7}|={7}|>{7})(?: |\r?\n?$)/.exec(line)?.[1]?.[0];
    if (marker === "<") part = "ours";
    else if (marker === "|") part = "base";
    else if (marker === "=") part = "theirs";
    else if (marker === ">") part = "both";
    else {
      if (part === "both" || part === "ours") ours.push(line);
      if (part === "both" || part === "theirs") theirs.push(line);
    }
  }
  return { ours: ours.join(""), theirs: theirs.join("") };
}
