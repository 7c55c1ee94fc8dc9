import { action, type PythonOps } from "aqm";
import type { Analysed, Quantizer } from "aqm/analysis";
import { applyGranularity } from "aqm/analysis/formats/granularity.ts";
import { autoroundScores } from "../autoround.ts";
import {
  oneGpu,
  type AutoroundConfig,
  type GranularityConfig,
  type QuantPairConfig,
} from "../configs.ts";
import { expectedAutoround } from "../expected.ts";
import {
  formatName,
  sharedAction,
  sharedParams,
  type Engine,
  type Format,
  type Scored,
} from "./engine.ts";

type OpFormat = PythonOps["autoround_scores"]["params"]["format"];

/** AutoRound's AutoScheme, with the settings of a config of the group `autoround`. */
export const autoroundEngine = (config: AutoroundConfig): Engine => ({
  name: "autoround",
  word: "autoround",
  effectiveBits: config.effective_bits,
  loss: null,
  scoreSize: () => config.score_size,
  settings: (scope) => ({ autoround: { ...config, scope, batch_size: config.batch_size[scope] } }),
  formatOf: (pair, granularity) => formatOf(config, pair, granularity),
});

function formatOf(
  settings: AutoroundConfig,
  pair: QuantPairConfig,
  granularity: GranularityConfig,
): Analysed<Format> {
  const merged = applyGranularity(pair.quantizers, granularity);
  if (!merged.ok) return merged;
  const name = formatName(pair, granularity);
  const config = autoroundScheme(merged.value);
  const because = typeof config === "string" ? config : null;
  return {
    ok: true,
    value: {
      name,
      quantizers: merged.value,
      config: typeof config === "string" ? {} : config,
      unsupported: { cpu: because, cuda: because },
      scores: (what, folder) =>
        scores(settings, what, { name, config: config as OpFormat["config"] }, folder),
    },
  };
}

/** Fields of AutoRound's QuantizationScheme for a pair, or why it has none like it. */
export function autoroundScheme({
  weight,
  input,
}: QuantPairConfig["quantizers"]): OpFormat["config"] | string {
  const numbers = numbersOf(weight);
  if (typeof numbers === "string") return `AutoRound has no weights ${numbers}`;
  const own = { bits: numbers.bits, group_size: numbers.group, sym: true, data_type: numbers.type };
  if (input === null) return { ...own, act_bits: 16 };
  const inputs = numbersOf(input);
  if (typeof inputs === "string") return `AutoRound has no inputs ${inputs}`;
  return {
    ...own,
    act_bits: inputs.bits,
    act_group_size: inputs.group,
    act_sym: true,
    act_data_type: inputs.type,
    act_dynamic: isDynamic(input),
  };
}

interface Numbers {
  readonly bits: number;
  readonly type: OpFormat["config"]["data_type"];
  /** Numbers that share a scale; -1: a row or a token; 0: the whole tensor. */
  readonly group: number;
}

function numbersOf({ num_bits: bits, axis, block_sizes: blocks }: Quantizer): Numbers | string {
  const block = blocks?.["-1"];
  const scale = blocks?.scale_bits;
  if (axis === 1) return "with a scale for each column";
  const group = typeof block === "number" ? block : block === null || axis === 0 ? -1 : 0;
  if (typeof bits === "number")
    return bits >= 2 && bits <= 8 && scale === undefined
      ? { bits, type: "int", group }
      : `of ${bits} bits with quantized scales`;
  const [exponent, mantissa] = bits;
  if (exponent === 4 && mantissa === 3) return { bits: 8, type: "fp", group };
  const scaleExponent = typeof scale === "object" ? scale[0] : null;
  if (exponent === 2 && mantissa === 1 && scaleExponent === 8 && group === 32)
    return { bits: 4, type: "mx_fp", group };
  if (exponent === 2 && mantissa === 1 && scaleExponent === 4 && group === 16)
    return { bits: 4, type: "nv_fp", group };
  return `of ${exponent} exponent and ${mantissa} mantissa bits in blocks of ${group}`;
}

const isDynamic = ({ type, block_sizes: blocks }: Quantizer): boolean =>
  type === "dynamic" || blocks?.type === "dynamic";

function scores(
  {
    name: _inThePath,
    effective_bits: _solvedLater,
    tuning: _ofCheckpoints,
    batch_size,
    ...settings
  }: AutoroundConfig,
  what: Scored,
  format: OpFormat,
  folder: string,
) {
  const { model, calibration, scope, size } = what;
  const { samples } = calibration.subsets[size];
  return action({
    op: autoroundScores,
    ...sharedAction(what, folder),
    resources: { gpu: oneGpu(model) },
    params: {
      ...settings,
      ...sharedParams(what, batch_size),
      score_size: Math.min(settings.score_size, samples),
      format,
    },
    expected: expectedAutoround({
      samples: Math.min(settings.score_size, samples),
      batchSize: batch_size[scope],
      device: model.device,
    }),
  });
}
