import type { FurtherFigures, QualityFigures } from "../quality/figures.ts";
import type { Weights } from "../quality/measured-frontier.ts";
import type { Reference } from "../quality/quality-document.ts";
import type { ExportFormat } from "../schemes/scheme.ts";
import type { ServingSpeed } from "../schemes/serving-status.ts";

/** A scheme beside the unquantized model: what `evaluation.json` holds, field by field. */
export interface Evaluation {
  /** Of the scheme. */
  readonly name: string;
  readonly model: string;
  readonly scope: "lm" | "all_layers";
  /** Subset of the calibration data. */
  readonly size: string;
  /** `planDigest` of the scheme that was evaluated. */
  readonly plan: string;
  readonly weights: Weights;
  /** The verdict against the controls: `proven`, or `not judged`. */
  readonly word: string;
  /** On the held-out set; then, where there is one, on the set that is leaked. */
  readonly figures: readonly MeasuredOn[];
  readonly sizes: {
    /** All tensors of the unquantized checkpoint. */
    readonly unquantized_bytes: number;
    readonly exports: readonly ExportedSize[];
  };
  readonly speed: readonly SpeedOf[];
  /** Most tokens of an answer. */
  readonly max_new_tokens: number;
  readonly answers: readonly AnsweredPrompt[];
}

/** Said wherever a figure on leaked data stands. */
export const LEAKED =
  "in the calibration data: for comparison with the original alone; judge on the held-out set";

/** All figures of one set of samples. */
export interface MeasuredOn {
  /** `report`; `evaluation` is the original's. */
  readonly set: string;
  /** Whether its samples are part of the calibration data, so that all figures flatter. */
  readonly leaked: boolean;
  /** `LEAKED` where they are, else null. */
  readonly note: typeof LEAKED | null;
  readonly samples: number;
  /** Counted tokens of all samples. */
  readonly tokens: number;
  /** The unquantized model on the same data. */
  readonly unquantized: Reference;
  readonly scheme: QualityFigures & FurtherFigures;
}

export interface ExportedSize {
  readonly format: ExportFormat;
  /** All tensors, from the plan; null of a recipe, which has no plan. */
  readonly predicted_bytes: number | null;
  /** All tensors as found in the files; null where it is not exported. */
  readonly found_bytes: number | null;
}

/** Times of an export; those of simulated quantization mean nothing, as it is slower than the unquantized model. */
export interface SpeedOf {
  readonly format: ExportFormat;
  readonly measured: ServingSpeed | null;
  /** Why there is no measurement; null where there is one. */
  readonly not_measured: string | null;
}

/** A prompt with what both models answer, greedily. */
export interface AnsweredPrompt {
  readonly prompt: string;
  /** Path below the images' folder; null where the prompt is text alone. */
  readonly image: string | null;
  readonly unquantized: Answer;
  readonly scheme: Answer;
  /** Place from 0 of the first token that differs; null where the answers are the same. */
  readonly first_difference: number | null;
}

export interface Answer {
  /** Ids, with the one that ends the answer. */
  readonly tokens: readonly number[];
  /** The text that each token adds. */
  readonly pieces: readonly string[];
  /** Of all tokens but special ones. */
  readonly text: string;
  /** Whether the model ended it; else `max_new_tokens` did. */
  readonly ended: boolean;
  /** Places of the tokens that the other answer lacks. */
  readonly different: readonly number[];
}
