import type { PythonOps } from "aqm";
import type { Outcome, PairQuantizers } from "aqm/analysis";
import { capability, KNOWN_MODELOPT } from "aqm/analysis/formats/capability.ts";
import { applyGranularity } from "aqm/analysis/formats/granularity.ts";
import type { GranularityConfig, ModelConfig, QuantPairConfig } from "./configs.ts";

/** The granularity that is not in a path. */
export const DEFAULT_GRANULARITY = "default";

/** A pair at a granularity, as the op takes it. */
export interface Format {
  readonly name: string;
  readonly quantizers: PairQuantizers;
  /** ModelOpt's list-style config: everything off, then the weight and the input quantizers. */
  readonly config: PythonOps["sensitivity_scores"]["params"]["format"]["config"];
  /** Why a device cannot score it; null when it can. */
  readonly unsupported: Readonly<Record<ModelConfig["device"], string | null>>;
}

const known = new WeakMap<QuantPairConfig, Map<GranularityConfig, Outcome<Format>>>();

/** Made once for a pair and granularity, since a grid has hundreds of cells with each. */
export function formatOf(pair: QuantPairConfig, granularity: GranularityConfig): Outcome<Format> {
  let ofPair = known.get(pair);
  if (ofPair === undefined)
    known.set(pair, (ofPair = new Map<GranularityConfig, Outcome<Format>>()));
  let format = ofPair.get(granularity);
  if (format === undefined) ofPair.set(granularity, (format = makeFormat(pair, granularity)));
  return format;
}

function makeFormat(pair: QuantPairConfig, granularity: GranularityConfig): Outcome<Format> {
  const merged = applyGranularity(pair.quantizers, granularity);
  if (!merged.ok) return merged;
  const { weight, input } = merged.value;
  const on = (quantizer_name: string, cfg: object): object => ({
    quantizer_name,
    cfg,
    enable: true,
  });
  const whyNot = (device: ModelConfig["device"]): string | null => {
    const here = device === "cpu" ? { kind: device } : { kind: device, capability: null };
    const can = capability(merged.value, {
      device: here,
      modelopt: KNOWN_MODELOPT,
      purpose: "score",
    });
    return can.verdict === "supported" ? null : can.because;
  };
  const suffix = granularity.name === DEFAULT_GRANULARITY ? "" : `+${granularity.name}`;
  return {
    ok: true,
    value: {
      name: `${pair.format_name}${suffix}`,
      quantizers: merged.value,
      config: {
        quant_cfg: [
          { quantizer_name: "*", enable: false },
          on("*weight_quantizer", weight),
          ...(input === null ? [] : [on("*input_quantizer", input)]),
        ],
        algorithm: pair.algorithm,
      },
      unsupported: { cpu: whyNot("cpu"), cuda: whyNot("cuda") },
    },
  };
}
