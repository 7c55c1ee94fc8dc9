import { action, pythonOp, type PythonOps } from "aqm";
import type { Analysed } from "aqm/analysis";
import { applyGranularity } from "aqm/analysis/formats/granularity.ts";
import type { GranularityConfig, QuantPairConfig, WeightErrorConfig } from "../configs.ts";
import { expectedWeightError } from "../expected.ts";
import { torch } from "../torch.ts";
import {
  formatName,
  sharedAction,
  sharedParams,
  type Engine,
  type Format,
  type Scored,
} from "./engine.ts";

const op = pythonOp("weight_error_scores", torch);
type OpFormat = PythonOps["weight_error_scores"]["params"]["format"];

/** Scores from weights and the size of their inputs, with the settings of the group `weight_error`. */
export const weightErrorEngine = (config: WeightErrorConfig): Engine => ({
  name: "weight_error",
  word: "weight_error",
  effectiveBits: config.effective_bits,
  loss: null,
  scoreSize: ({ calibration, size }) => calibration.subsets[size].samples,
  settings: (scope) => ({
    weight_error: { ...config, scope, batch_size: config.batch_size[scope] },
  }),
  formatOf: (pair, granularity) => formatOf(config, pair, granularity),
});

function formatOf(
  settings: WeightErrorConfig,
  pair: QuantPairConfig,
  granularity: GranularityConfig,
): Analysed<Format> {
  const merged = applyGranularity(pair.quantizers, granularity);
  if (!merged.ok) return merged;
  const { weight, input } = merged.value;
  const name = formatName(pair, granularity);
  const config = { weight };
  const because =
    input === null
      ? whyNot(weight)
      : `weight_error scores weights alone, so that its scores are those of w${pair.weight}_afp16`;
  return {
    ok: true,
    value: {
      name,
      quantizers: merged.value,
      config,
      unsupported: { cpu: because, cuda: because },
      scores: (what, folder) => scores(settings, what, { name, config }, folder),
    },
  };
}

/** Why plain PyTorch cannot round weights as a quantizer does; null where it can. */
function whyNot({ num_bits: bits, block_sizes: blocks }: QuantPairConfig["quantizers"]["weight"]) {
  const isE4M3 = Array.isArray(bits) && bits[0] === 4 && bits[1] === 3;
  if (!isE4M3 && typeof bits !== "number")
    return "weight_error rounds weights to integers and FP8 (E4M3) only";
  if (blocks?.type === "dynamic" || blocks?.scale_bits !== undefined)
    return "weight_error knows no blocks whose scales are quantized as well";
  return null;
}

function scores(
  { name: _inThePath, effective_bits: _solvedLater, batch_size, ...settings }: WeightErrorConfig,
  what: Scored,
  format: OpFormat,
  folder: string,
) {
  const { model, calibration, scope, size } = what;
  const { samples } = calibration.subsets[size];
  return action({
    op,
    ...sharedAction(what, folder),
    params: { ...settings, ...sharedParams(what, batch_size), method: "squared_error", format },
    expected: expectedWeightError({ samples, batchSize: batch_size[scope], device: model.device }),
  });
}
