import type { Figure, QualityFigures } from "../quality/figures.ts";
import type { Against, BudgetVerdict, MeasuredHead } from "../quality/measured-frontier.ts";
import type { PlannedSize } from "./planned-sizes.ts";
import type { Goal } from "./scheme.ts";

/**
 * What was measured of a scheme and of its controls, on the same held-out data: what `quality.json` of a scheme
 * holds, field by field. All KL divergences are nats a counted token, KL(unquantized ‖ plan).
 */
export interface SchemeQuality extends MeasuredHead {
  readonly scope: "lm" | "all_layers";
  /** Average stored bits a weight of the scheme, over the layers that may be quantized. */
  readonly bits: number;
  /** `planDigest` of the scheme that was measured. */
  readonly plan: string;
  /** Of the scheme. */
  readonly figures: QualityFigures;
  /** Null where there are no plans of equal size to be compared with, or where a KL is too near zero for it. */
  readonly verdict: SchemeVerdict | null;
  /** Why there is no verdict; null where there is one. */
  readonly unjudged: string | null;
  /** Of a plan that was found by measurement; absent for others. */
  readonly search?: SearchVerdict;
  /** Random plans, then the inverted one, then uniform ones of any size, then starts of a search. */
  readonly controls: readonly MeasuredControl[];
}

/** How a found plan stands on data that its search has not seen. */
export interface SearchVerdict {
  /** KL(start) / KL(scheme) of the plans of its size that exact solvers give, paired; empty where KL(scheme) is not above zero. */
  readonly starts: readonly Against[];
  /** The goal's figure on this data, which does not decide: the goal was judged on `confirm`. Null without a goal. */
  readonly goal: (Goal & { readonly here: Figure }) | null;
}

/** `budget` is the size that controls were made for. */
export interface SchemeVerdict extends BudgetVerdict {
  /** Sizes of the random plans, in bits a weight: none is above the scheme's. */
  readonly random_bits: { readonly lowest: number; readonly highest: number };
}

export interface MeasuredControl extends PlannedSize, QualityFigures {}
