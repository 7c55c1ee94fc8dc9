import type { PyObject } from "../python-json/value.ts";

/** Raw scores of one candidate format for every layer group of a model. */
export interface Scores {
  /** What measured them. */
  readonly engine: string;
  readonly format: ScoredFormat;
  /** How the engine scores; it may have several ways. */
  readonly method: string;
  readonly scope: ScoreScope;
  readonly measured: Measured;
  /** Versions of what measured, by name. */
  readonly environment: ReadonlyMap<string, string>;
  /** In the model's module order. */
  readonly groups: readonly ScoreGroup[];
  /** Every layer that the engine can quantize, in module order, whether its group was scored or not. */
  readonly modules: readonly QuantizedModule[];
  /** Set when the scores were not measured here but read out of an earlier artifact. */
  readonly takenOver?: TakenOver;
}

export interface TakenOver {
  /** Name of the artifact, and the digest of its bytes. */
  readonly from: string;
  readonly digest: string;
}

export interface ScoredFormat {
  readonly name: string;
  /** Effective bits per weight that a choice of this format costs. */
  readonly bits: number;
  /** The format as the engine takes it. */
  readonly config: PyObject;
}

/** `lm`: vision kept in high precision; `all_layers`: vision and text. */
export type ScoreScope = "lm" | "all_layers";

/**
 * What the score sums run over: scores compare only where this is the same. Null, here and in
 * `executions`, only in scores that were taken over from a source that does not say it.
 */
export interface Measured {
  readonly calibrationSamples: number | null;
  readonly calibrationBatches: number | null;
  readonly scoreSamples: number | null;
  readonly scoreBatches: number | null;
  /** Tokens that scores depend on; with ModelOpt those in the loss. */
  readonly scoreTokens: number | null;
  readonly batchSize: number | null;
  /** Tokens per sample after padding and truncation. */
  readonly sequenceLength: number | null;
  /** Only where texts were packed. */
  readonly packing?: Packing;
}

/** Texts that were packed into rows: rows = ⌊tokens / length⌋, leftOver = tokens − rows · length. */
export interface Packing {
  readonly texts: number;
  /** Of all texts, with an end token after each that does not end with one. */
  readonly tokens: number;
  /** Tokens of a row. */
  readonly length: number;
  readonly rows: number;
  readonly leftOver: number;
}

export interface ScoreGroup {
  /** Module path of the first member. */
  readonly name: string;
  readonly modules: readonly string[];
  /** Number of weight elements over all members. */
  readonly weights: number;
  /** False for layers that the scope keeps in high precision. */
  readonly enabled: boolean;
  /** Over the measured samples; not clamped against other formats. */
  readonly score: number;
  /** Forward calls of the group's modules during scoring. */
  readonly executions: number | null;
}

export interface QuantizedModule {
  readonly name: string;
  readonly type: string;
}
