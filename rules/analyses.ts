import { configuration, grid, type Declared } from "aqm";
import { calibration } from "./calibration.ts";
import { checkpoint } from "./checkpoint.ts";
import {
  scopeLacking,
  type AutoquantConfig,
  type GranularityConfig,
  type OutputLayoutConfig,
  type QuantPairConfig,
  type SchemeConfig,
  type Scope,
  type Size,
} from "./configs.ts";
import { DEFAULT_GRANULARITY } from "./engines/engine.ts";
import { modeloptEngine } from "./engines/modelopt.ts";
import { modelPage } from "./model-page.ts";
import { inputRangesOf } from "./scheme-exports.ts";
import { aloneOf } from "./scheme-search.ts";
import { scheme, tensorsOf } from "./schemes.ts";
import { sensitivity, type Sensitivity } from "./sensitivity.ts";

/** What is analysed, by the names of configs: `model` is `conf/model/<model>.yaml`, and so on. */
export interface AnalysesRequest {
  readonly model: string;
  readonly dataset: string;
  /** Names of pairs of formats, `conf/quant_pair/`. */
  readonly formats: readonly string[];
  readonly scopes: readonly Scope[];
  readonly sizes: readonly Size[];
  /** Names of schemes, `conf/scheme/`, whose scope, size and candidates are among the above. */
  readonly schemes?: readonly string[];
}

/**
 * ModelOpt's scores of every layer of a model, with manifest and reports, for all formats, scopes and sizes, and a
 * page of all formats for each scope and size. The targets lie at `models/<model>/layer-analysis/`. Schemes are chosen
 * by these scores, measured and exported at `models/<model>/quantized/`, and shown to vLLM at `models/serving/<model>/`.
 */
export function analyses({
  model: name,
  dataset,
  formats,
  scopes,
  sizes,
  schemes = [],
}: AnalysesRequest): Declared {
  const { model, files } = checkpoint(name);
  for (const scope of scopes) {
    const lacking = scopeLacking(model, scope);
    if (lacking !== null) throw new Error(`${lacking}; take ${scope} out of the scopes`);
  }
  const data = calibration(dataset);
  const autoquant = configuration<AutoquantConfig>("autoquant", "gradient_default");
  const engine = modeloptEngine(autoquant);
  const granularity = configuration<GranularityConfig>("granularity", DEFAULT_GRANULARITY);
  const layout = configuration<OutputLayoutConfig>("output_layout", "publish");
  const analysed = new Map<string, Sensitivity>();
  const analyses = grid(
    { scope: scopes, "dataset.size": sizes },
    ({ scope, "dataset.size": size }) => {
      const made = new Map(
        formats.map((format) => {
          const pair = configuration<QuantPairConfig>("quant_pair", format);
          const cell = {
            ...{ model, checkpoint: files, calibration: data, pair, granularity },
            ...{ scope, size, engine, layout },
          };
          return [format, sensitivity(cell)];
        }),
      );
      for (const [pair, one] of made) analysed.set(`${scope} ${size} ${pair}`, one);
      const analysis = (pair: string) => made.get(pair);
      return [
        [...made.values()].map(({ declared }) => declared),
        modelPage({ model, scope, size, layout, pairs: formats, analysis }),
      ];
    },
  );
  if (schemes.length === 0) return analyses;
  const root = `${layout.root}/${model.name}`;
  const [tensors, ranges] = [tensorsOf(files, root), inputRangesOf(root, autoquant)];
  const alone = aloneOf(root);
  const made = schemes.map((named) => {
    const config = configuration<SchemeConfig>("scheme", named);
    const { scope, size } = config;
    return scheme({
      ...{ model, checkpoint: files, calibration: data, scheme: config, scope, size, layout },
      ...{ autoquant, modelopt: engine, granularity, tensors, ranges, alone },
      analysis: (pair) => analysed.get(`${scope} ${size} ${pair}`),
    }).declared;
  });
  return [analyses, made];
}
