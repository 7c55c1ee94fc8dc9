import { UNQUANTIZED_BITS } from "../formats/label.ts";

/** Modules of a model that take one format together, since one kernel runs them. */
export interface LayerGroup {
  /** Module path of its first member. */
  readonly name: string;
  /** Names of its modules, where they are known: all of them take the same format. */
  readonly modules?: readonly string[];
  /** Number of weight elements: what the group adds to the denominator of effective bits. */
  readonly weights: number;
}

/**
 * Number of weight elements of a group, from what each candidate costs (in fp16-equivalent elements) and its
 * bits per weight. All candidates give the same, but for rounding and for formats that store more than they
 * are charged; the largest is that of the candidate that stays unquantized, if there is one.
 */
export const weightsOf = (
  candidates: readonly { readonly cost: number; readonly bits: number }[],
): number => Math.max(...candidates.map(({ cost, bits }) => (cost * UNQUANTIZED_BITS) / bits));
