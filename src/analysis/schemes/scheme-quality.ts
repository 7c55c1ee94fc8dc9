import type { QualityFigures } from "../quality/figures.ts";
import type { BudgetVerdict, MeasuredHead } from "../quality/measured-frontier.ts";
import type { PlannedSize } from "./planned-sizes.ts";

/**
 * What was measured of a scheme and of its controls, on the same held-out data: what `quality.json` of a scheme
 * holds, field by field. All KL divergences are nats a counted token, KL(unquantized ‖ plan).
 */
export interface SchemeQuality extends MeasuredHead {
  readonly scope: "lm" | "all_layers";
  /** Average stored bits a weight of the scheme, over the layers that may be quantized. */
  readonly bits: number;
  /** Of the scheme. */
  readonly figures: QualityFigures;
  /** Null where there are no plans of equal size to be compared with. */
  readonly verdict: SchemeVerdict | null;
  /** Why there is no verdict; null where there is one. */
  readonly unjudged: string | null;
  /** Random plans, then the inverted one, then uniform ones of any size. */
  readonly controls: readonly MeasuredControl[];
}

/** `budget` is the size that controls were made for. */
export interface SchemeVerdict extends BudgetVerdict {
  /** Sizes of the random plans, in bits a weight: none is above the scheme's. */
  readonly random_bits: { readonly lowest: number; readonly highest: number };
}

export interface MeasuredControl extends PlannedSize, QualityFigures {}
