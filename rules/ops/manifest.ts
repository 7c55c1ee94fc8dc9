import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { PairQuantizers } from "aqm/analysis";
import { buildManifest } from "aqm/analysis/manifest/build-manifest.ts";
import { writePythonJson } from "aqm/analysis/python-json/write.ts";
import { checkExercised } from "aqm/analysis/scores/check-exercised.ts";
import { readScores } from "aqm/analysis/scores/read-scores.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

export interface ManifestParams {
  readonly scheme: string;
  /** Bits per weight asked for on the layers that may be quantized. */
  readonly effective_bits: number;
  readonly score_size: number;
  readonly model_id: string;
  /** What scores are gradients of; null where they are no gradients. */
  readonly loss: string | null;
  /** What the format does with a layer. */
  readonly quantizers: PairQuantizers;
  readonly dataset: {
    readonly name: string;
    readonly size: string;
    readonly root: string;
    readonly captions_path: string | null;
    readonly vlm_calib_db: string | null;
    readonly max_calib_samples: number;
  };
}

/** Scores → search at the requested bits → manifest. */
export function run({
  params,
  inputs,
}: OpCall<ManifestParams, "scores">): Result<OpOutputs<"manifest">, OpFailure> {
  const scores = readScores(inputs.scores.text());
  if (!scores.ok) return err(failed(scores.error, inputs.scores.path));
  const exercised = checkExercised(scores.value);
  if (!exercised.ok) return err(failed(exercised.error, inputs.scores.path));
  const { dataset } = params;
  const manifest = buildManifest({
    scores: scores.value,
    scheme: {
      name: params.scheme,
      effectiveBits: params.effective_bits,
      scoreSize: params.score_size,
    },
    modelId: params.model_id,
    quantizers: params.quantizers,
    ...(params.loss === null ? {} : { loss: params.loss }),
    dataset: {
      name: dataset.name,
      size: dataset.size,
      root: dataset.root,
      source:
        dataset.captions_path === null
          ? { kind: "vlm_calib_db", path: dataset.vlm_calib_db ?? "" }
          : { kind: "captions", path: dataset.captions_path },
      maxCalibSamples: dataset.max_calib_samples,
    },
  });
  if (!manifest.ok) return err(failed(manifest.error, inputs.scores.path));
  const { search, budgetBits } = manifest.value;
  if (!search.satisfied) return err(unmet(params, search.effectiveBits - budgetBits));
  return ok({ manifest: writePythonJson(manifest.value.json) });
}

/** @param missing bits per weight over the whole model that the smallest plan takes too many */
const unmet = ({ scheme, effective_bits: asked }: ManifestParams, missing: number): OpFailure => ({
  reason: "gate_failed",
  message: `${scheme}: a budget of ${asked} bits cannot be met: with its format on every layer that may be quantized, the model still has ${Number(missing.toPrecision(3))} bits per weight too many`,
  nextStep:
    "Ask for more (effective_bits in the engine's config), or take a smaller format. The scores are kept: another budget measures nothing.",
});
