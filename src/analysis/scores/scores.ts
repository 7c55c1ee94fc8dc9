import type { PyObject } from "../python-json/value.ts";

/** Raw scores of one candidate format for every layer group of a model. */
export interface Scores {
  readonly format: ScoredFormat;
  readonly method: ScoreMethod;
  readonly scope: ScoreScope;
  readonly measured: Measured;
  /** Versions of what measured, by name. */
  readonly environment: ReadonlyMap<string, string>;
  /** In the model's module order. */
  readonly groups: readonly ScoreGroup[];
  /** Every quantized wrapper in module order, whether its group was scored or not. */
  readonly modules: readonly QuantizedModule[];
}

export interface ScoredFormat {
  readonly name: string;
  /** Effective bits per weight that a choice of this format costs. */
  readonly bits: number;
  readonly config: PyObject;
}

export type ScoreMethod = "gradient" | "kl_div";

/** `lm`: vision kept in high precision; `all_layers`: vision and text. */
export type ScoreScope = "lm" | "all_layers";

/** What the score sums run over: scores compare only where this is the same. */
export interface Measured {
  readonly calibrationSamples: number;
  readonly calibrationBatches: number;
  readonly scoreSamples: number;
  readonly scoreBatches: number;
  /** Tokens that entered the loss. */
  readonly scoreTokens: number;
  readonly batchSize: number;
  /** Tokens per sample after padding and truncation. */
  readonly sequenceLength: number;
}

export interface ScoreGroup {
  /** Module path of the first member followed by `.quant_recipe`. */
  readonly handle: string;
  readonly modules: readonly string[];
  /** Number of weight elements over all members. */
  readonly weights: number;
  /** False for layers that the scope keeps in high precision. */
  readonly enabled: boolean;
  /** Sum over the measured samples; not clamped against other formats. */
  readonly score: number;
  /** Forward calls of the group's modules during scoring. */
  readonly executions: number;
}

export interface QuantizedModule {
  readonly name: string;
  readonly type: string;
}
