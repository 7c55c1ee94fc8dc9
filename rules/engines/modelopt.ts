import { action, pythonOp, type PythonOps } from "aqm";
import type { Analysed } from "aqm/analysis";
import { capability, KNOWN_MODELOPT } from "aqm/analysis/formats/capability.ts";
import { applyGranularity } from "aqm/analysis/formats/granularity.ts";
import type {
  AnalysedModel,
  AutoquantConfig,
  GranularityConfig,
  QuantPairConfig,
} from "../configs.ts";
import { expectedScoring } from "../expected.ts";
import { modelopt, numbersOf } from "../modelopt.ts";
import {
  formatName,
  sharedAction,
  sharedParams,
  type Engine,
  type Format,
  type Scored,
} from "./engine.ts";

const op = pythonOp("sensitivity_scores", modelopt);
type OpFormat = PythonOps["sensitivity_scores"]["params"]["format"];

/** ModelOpt's AutoQuantize with the settings of a config of the group `autoquant`. */
export function modeloptEngine(autoquant: AutoquantConfig): Engine {
  const known = new Map<QuantPairConfig, Map<GranularityConfig, Analysed<Format>>>();
  return {
    name: "modelopt",
    word: "autoquant",
    effectiveBits: autoquant.effective_bits,
    loss: autoquant.method === "gradient" ? autoquant.loss : null,
    scoreSize: () => autoquant.score_size,
    settings: (scope) => ({
      autoquant: { ...autoquant, scope, batch_size: autoquant.batch_size[scope] },
    }),
    // Made once for a pair and granularity, since a grid has hundreds of cells with each.
    formatOf: (pair, granularity) => {
      const ofPair = known.get(pair) ?? new Map<GranularityConfig, Analysed<Format>>();
      known.set(pair, ofPair);
      const format = ofPair.get(granularity) ?? formatOf(autoquant, pair, granularity);
      ofPair.set(granularity, format);
      return format;
    },
  };
}

function formatOf(
  autoquant: AutoquantConfig,
  pair: QuantPairConfig,
  granularity: GranularityConfig,
): Analysed<Format> {
  const format = modeloptFormat(pair, granularity);
  if (!format.ok) return format;
  const { name, config, quantizers } = format.value;
  // A weight is quantized once for all formats that quantize it in the same way.
  const alike = JSON.stringify(quantizers.weight);
  return {
    ok: true,
    value: {
      ...format.value,
      scores: (what, folder) => scores(autoquant, what, { name, config }, alike, folder),
    },
  };
}

/** A pair at a granularity as ModelOpt takes it, whichever op scores it. */
export function modeloptFormat(
  pair: QuantPairConfig,
  granularity: GranularityConfig,
): Analysed<Omit<Format, "scores"> & { readonly config: OpFormat["config"] }> {
  const merged = applyGranularity(pair.quantizers, granularity);
  if (!merged.ok) return merged;
  const { weight, input } = merged.value;
  const on = (quantizer_name: string, cfg: object): object => ({
    quantizer_name,
    cfg,
    enable: true,
  });
  const config = {
    quant_cfg: [
      { quantizer_name: "*", enable: false },
      on("*weight_quantizer", weight),
      ...(input === null ? [] : [on("*input_quantizer", input)]),
    ],
    algorithm: pair.algorithm,
  };
  const whyNot = (device: AnalysedModel["device"]): string | null => {
    const here = device === "cpu" ? { kind: device } : { kind: device, capability: null };
    const can = capability(merged.value, {
      device: here,
      modelopt: KNOWN_MODELOPT,
      purpose: "score",
    });
    return can.verdict === "supported" ? null : can.because;
  };
  return {
    ok: true,
    value: {
      name: formatName(pair, granularity),
      quantizers: merged.value,
      config,
      unsupported: { cpu: whyNot("cpu"), cuda: whyNot("cuda") },
    },
  };
}

function scores(
  { name: _inThePath, effective_bits: _solvedLater, batch_size, ...settings }: AutoquantConfig,
  what: Scored,
  format: OpFormat,
  alike: string,
  folder: string,
) {
  const { model, calibration, scope, size } = what;
  const { samples } = calibration.subsets[size];
  const expected = expectedScoring({
    samples,
    batchSize: batch_size[scope],
    scoreSize: settings.score_size,
    device: model.device,
  });
  const { resources, ...shared } = sharedAction(what, folder, alike);
  // Devices can share batches out whose gradients are summed, where ranges are maxima, if there are any.
  const { algorithm } = format.config;
  const shares = settings.method === "gradient" && (algorithm === "max" || algorithm === null);
  const upToGpus =
    shares && resources.gpu === 1 ? { upToGpus: Math.max(1, expected.work.score_batches) } : {};
  return action({
    op,
    ...shared,
    resources: { ...resources, ...upToGpus },
    params: { ...settings, ...sharedParams(what, batch_size), format },
    // A divergence is measured a group and a batch at a time; gradients of all groups come at once.
    ...(settings.method === "kl_div" ? { resumable: { bounds: ["score_size"] as const } } : {}),
    expected,
    prepares: numbersOf([format]),
  });
}
