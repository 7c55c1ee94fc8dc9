import type { Input } from "aqm";
import type { Weights } from "aqm/analysis";
import { imagesOf, type Samples } from "./samples.ts";
import {
  gpusOf,
  trust,
  type AnalysedModel,
  type AutoquantConfig,
  type QualityConfig,
} from "./configs.ts";
import type { Scored } from "./engines/engine.ts";

/** How the intervals of single figures are made. Not in a config: another value would measure every plan again. */
const INTERVALS = { resamples: 2000, seed: 42 } as const;

/** What is measured, on which held-out data. */
export interface Measured extends Scored {
  readonly config: Pick<QualityConfig, "held_out" | "batch_size">;
  /** How the model is calibrated: as its scores were. */
  readonly autoquant: AutoquantConfig;
  /** Other samples than those of the held-out set. */
  readonly on?: Samples;
}

/**
 * Devices that an action with hundreds of plans is shared out over: each also loads and calibrates, which takes as long
 * as some 90 plans.
 */
const SHARED_OVER = 8;
/** A search for a goal keeps so many moves that what further devices measure ahead is often of no use. */
const GOAL_SHARED_OVER = 3;

/** Of an action that measures many plans: it makes use of further devices where they are free. */
export const sharedOut = (resources: { readonly gpu: number }, what: "plans" | "goal" = "plans") =>
  resources.gpu === 1
    ? { ...resources, upToGpus: what === "goal" ? GOAL_SHARED_OVER : SHARED_OVER }
    : resources;

/** Params, inputs and resources that all measurements of a model, scope and size share. */
export function measuring({
  model,
  checkpoint,
  calibration,
  scope,
  size,
  config,
  autoquant,
  on,
}: Measured) {
  const { dataset, subsets, heldOut } = calibration;
  const [subset, held] = [subsets[size], on ?? heldOut[config.held_out]];
  const files: {
    readonly checkpoint: Input;
    readonly database: Input;
    readonly held_out: Input;
    readonly sample: Input;
  } = {
    checkpoint,
    database: subset.database,
    held_out: held.database,
    // No held-out image or caption is in any subset, since all subsets are rows of the sample.
    sample: calibration.sample,
  };
  return {
    params: {
      scope,
      dtype: model.dtype,
      calibration: {
        samples: null,
        batch_size: autoquant.batch_size[scope],
        sequence_length: dataset.calib_seq_len,
        padding: autoquant.padding,
      },
      measure: {
        batch_size: config.batch_size[scope],
        sequence_length: dataset.calib_seq_len,
        least_tokens: dataset.held_out.least_tokens,
        ...INTERVALS,
      },
      include_lm_head: autoquant.include_lm_head,
      attention: autoquant.attention,
      ...trust(model),
    },
    inputs:
      scope === "lm"
        ? files
        : { ...files, images: imagesOf(subset), held_out_images: imagesOf(held) },
    resources: { gpu: gpusOf(model) },
  };
}

/** Only of a checkpoint that aqm made itself it is known that nothing was ever trained. */
export const weightsOf = ({ source }: AnalysedModel): Weights =>
  "tiny_seed" in source ? "random" : "real";
