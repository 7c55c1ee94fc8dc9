import { committed, type Declared, type DeclaredAction, type Input } from "aqm";
import type { Analysed, PairQuantizers } from "aqm/analysis";
import type { Calibration } from "../calibration.ts";
import { imagesOf } from "../samples.ts";
import {
  gpusOf,
  trust,
  type AnalysedModel,
  type GranularityConfig,
  type QuantPairConfig,
  type Scope,
  type Size,
} from "../configs.ts";

/** The one granularity that is in no path. */
export const DEFAULT_GRANULARITY = "default";

/** What is scored, on what. */
export interface Scored {
  readonly model: AnalysedModel;
  readonly checkpoint: Input;
  readonly calibration: Calibration;
  readonly scope: Scope;
  readonly size: Size;
}

/** A pair at a granularity, as an engine takes it. */
export interface Format {
  readonly name: string;
  readonly quantizers: PairQuantizers;
  /** In the engine's own form. */
  readonly config: object;
  /** Why a device cannot score it; null when it can. */
  readonly unsupported: Readonly<Record<AnalysedModel["device"], string | null>>;
  /** The one expensive step: an action of the engine's op, which writes a score document. */
  readonly scores: (what: Scored, folder: string) => DeclaredAction<"scores">;
  /** Reports of the engine's own, beside those that all engines have. */
  readonly reports?: (what: Scored, folder: string) => Declared;
}

/** What an analysis asks of the engine that scores it, with the engine's settings. */
export interface Engine {
  /** As score documents say it. */
  readonly name: string;
  /** What runs and schemes are called after. */
  readonly word: string;
  /** Budget in bits on the layers that may be quantized. */
  readonly effectiveBits: number;
  /** What scores are gradients of; null where they are no gradients. */
  readonly loss: string | null;
  /** Samples that scores are asked to run over. */
  readonly scoreSize: (what: Scored) => number;
  /** The settings by the name of their config group, with what holds for a scope. */
  readonly settings: (scope: Scope) => Readonly<Record<string, object>>;
  /** Refused where the pair means nothing to the engine, or not at that granularity. */
  readonly formatOf: (pair: QuantPairConfig, granularity: GranularityConfig) => Analysed<Format>;
}

/** Params that the op of every engine has, but for the format. */
export function sharedParams(
  { model, calibration, scope }: Scored,
  batchSize: Readonly<Record<Scope, number>>,
) {
  return {
    scope,
    dtype: model.dtype,
    batch_size: batchSize[scope],
    sequence_length: calibration.dataset.calib_seq_len,
    calibration_samples: null,
    ...trust(model),
  };
}

/**
 * What the scoring action of every engine reads, writes and takes, and how its formats share a job.
 *
 * @param alike formats of one word share more of a job than others do
 */
export function sharedAction(
  { model, checkpoint, calibration, scope, size }: Scored,
  folder: string,
  alike?: string,
) {
  const subset = calibration.subsets[size];
  const { captions, database } = subset;
  return {
    inputs:
      scope === "lm"
        ? { checkpoint, captions }
        : { checkpoint, database, images: imagesOf(subset) },
    outputs: { scores: committed(`${folder}/sensitivity-scores.json`) },
    resources: { gpu: gpusOf(model) },
    // The data is walked once for all formats: on one H200 a lone format of ModelOpt took 44 s and 16 in one job
    // 97 s (docs/gpu.md); of weight_error a format's own share is to round the weights.
    batch: {
      apart: ["format"] as const,
      shared: 0.9,
      ...(alike === undefined ? {} : { alike }),
    },
  };
}

/** A format's name: that of the pair, and of a granularity that is not the usual one. */
export function formatName(pair: QuantPairConfig, granularity: GranularityConfig): string {
  const suffix = granularity.name === DEFAULT_GRANULARITY ? "" : `+${granularity.name}`;
  return `${pair.format_name}${suffix}`;
}
