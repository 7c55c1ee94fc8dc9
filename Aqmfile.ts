import { build, configuration, configurationNames, grid } from "aqm";
import { bitPlan } from "aqm/rules/bit-plan.ts";
import { calibration } from "aqm/rules/calibration.ts";
import { drawsOf } from "aqm/rules/calibration-draws.ts";
import { checkpoint } from "aqm/rules/checkpoint.ts";
import {
  SCOPES,
  SIZES,
  type AutoquantConfig,
  type AutoroundConfig,
  type BitPlanConfig,
  type EngineComparisonConfig,
  type EngineName,
  type GranularityConfig,
  type IncConfig,
  type ModelConfig,
  type OutputLayoutConfig,
  type QualityConfig,
  type QuantPairConfig,
  type SchemeConfig,
  type SchemeReportConfig,
  type Scope,
  type Size,
  type WeightErrorConfig,
} from "aqm/rules/configs.ts";
import { comparisons } from "aqm/rules/comparisons.ts";
import { engineComparison } from "aqm/rules/engine-comparison.ts";
import { formatsPage } from "aqm/rules/formats-page.ts";
import { DEFAULT_GRANULARITY, type Engine } from "aqm/rules/engines/engine.ts";
import { autoroundModels } from "aqm/rules/autoround-models.ts";
import { autoroundEngine } from "aqm/rules/engines/autoround.ts";
import { incEngine } from "aqm/rules/engines/inc.ts";
import { INC_PAIR, incModels } from "aqm/rules/inc-models.ts";
import { modeloptEngine } from "aqm/rules/engines/modelopt.ts";
import { weightErrorEngine } from "aqm/rules/engines/weight-error.ts";
import { modelPage } from "aqm/rules/model-page.ts";
import { quality } from "aqm/rules/quality.ts";
import { readmeTables } from "aqm/rules/readme-tables.ts";
import { runsOf } from "aqm/rules/runs.ts";
import { inputRangesOf } from "aqm/rules/scheme-exports.ts";
import { aloneOf } from "aqm/rules/scheme-search.ts";
import { schemeReport } from "aqm/rules/scheme-report.ts";
import { schemesOverview } from "aqm/rules/schemes-overview.ts";
import { scheme, tensorsOf, type DeclaredScheme } from "aqm/rules/schemes.ts";
import type { SensitivityCell } from "aqm/rules/sensitivity-cell.ts";
import { sensitivity, type Sensitivity } from "aqm/rules/sensitivity.ts";

const coco = calibration("coco2017");
const shapes = calibration("synthetic_coco");
const layout = configuration<OutputLayoutConfig>("output_layout", "publish");
const autoquant = configuration<AutoquantConfig>("autoquant", "gradient_default");
const modelopt = modeloptEngine(autoquant);
const formats = formatsPage(`${layout.root}/formats.html`);
const weightError = weightErrorEngine(configuration<WeightErrorConfig>("weight_error", "default"));
const incSettings = configuration<IncConfig>("inc", "default");
const inc = incEngine(incSettings);
const autoroundSettings = configuration<AutoroundConfig>("autoround", "default");
const autoround = autoroundEngine(autoroundSettings);
const engines: Readonly<Record<EngineName, Engine>> = {
  modelopt,
  weight_error: weightError,
  inc,
  autoround,
};

/** weight_error scores weights alone, so that one pair of each weight format says all. */
const weightPairs = configurationNames("quant_pair").filter(
  (name) => configuration<QuantPairConfig>("quant_pair", name).quantizers.input === null,
);

const every = configurationNames("granularity");
const forGpus = ["nvfp4_fp8"];
const forTiny = ["int3_int4_int8"];
const forTinyPairs = ["wint3_afp16", "wint4_afp16", "wint8_afp16"];
/** Engines are compared on text: other draws of calibration data have no images. */
const comparedSizes: readonly Size[] = ["medium"];
const shares = ["top25", "top50", "full"];
const tenths = Array.from({ length: 10 }, (_, n) => `all_layers_top${10 * (n + 1)}`);
const allSchemes = [
  ...[...shares, ...tenths].flatMap((share) => [
    `fp8_autoquant_${share}`,
    `int8_autoquant_${share}`,
  ]),
  ...["fp8_fp8_coco2017", "w8a8_int8_sq_coco2017", "int4_awq_coco2017", "nvfp4_coco2017"],
  ...["nvfp4_fp8_at_6p0bits", "nvfp4_fp8_at_4p5gb", "int4_int8_at_6p0bits", "int8_fp8_at_8p5bits"],
  ...["nvfp4_fp8_searched_at_6p0bits", "int4_int8_searched_at_6p0bits"],
  ...["nvfp4_fp8_for_kl_1em2", "w8a8_for_kl_1em2"],
];
/** Of language layers by INC's scores, as large as its analysis: docs/engines.md. */
const incSchemes = ["mild", "medium", "aggressive", "full"].map((level) => `inc_w8a8_${level}`);
const trainedSchemes = [
  ...incSchemes,
  "inc_w8a8_for_kl_1em5",
  "autoround_int4_int8_at_6p0bits",
  ...shares.map((share) => `fp8_autoquant_${share}`),
  ...["int8_autoquant_top50", "int8_autoquant_full", "int8_fp8_at_8p5bits"],
  ...["int4_int8_at_6p0bits", "int4_int8_at_3p0mb", "int4_int8_fp8_as_planned"],
  ...["fp8_fp8_coco2017", "w8a8_int8_sq_coco2017", "int4_awq_coco2017"],
  ...["int4_int8_searched_at_6p0bits", "int4_int8_all_layers_searched_at_1p3mb"],
  ...["int4_int8_fp8_for_kl_5em6", "int8_w8a8_for_kl_1em5"],
];
const allPairs = configurationNames("quant_pair");
const full = {
  data: coco,
  granularities: every,
  pairs: () => allPairs,
  measured: () => forGpus,
  schemes: allSchemes,
};
// All pairs in minutes on a CPU; with every granularity it would be hours.
const small = {
  ...full,
  data: shapes,
  granularities: [DEFAULT_GRANULARITY],
  measured: () => forTiny,
  schemes: [],
};
/** Pairs and frontiers of the trained model, by scope and size: docs/trained-model.md. */
const published: Readonly<
  Record<string, { pairs: readonly string[]; measured: readonly string[] }>
> = {
  "lm large": {
    pairs: ["wfp8_afp8", "wint8_aint8", "wint4_afp16", "wint8_afp16"],
    measured: ["int4_int8"],
  },
  "lm medium": { pairs: [...forTinyPairs, "wint8_aint8"], measured: forTiny },
  "all_layers small": { pairs: forTinyPairs, measured: forTiny },
};
const models = [
  { name: "qwen3_vl_4b_instruct", ...full },
  { name: "qwen2_5_vl_3b_instruct", ...full },
  { name: "qwen3_vl_tiny", ...small },
  { name: "qwen2_5_vl_tiny", ...small },
  {
    name: "qwen3_vl_trained",
    ...small,
    pairs: (scope: Scope, size: Size) => published[`${scope} ${size}`]?.pairs ?? [],
    measured: (scope: Scope, size: Size) => published[`${scope} ${size}`]?.measured ?? [],
    schemes: trainedSchemes,
  },
];
/** Any other file in conf/model: all formats, on made-up data for a tiny checkpoint, else on COCO. */
const others = configurationNames("model")
  .filter((name) => models.every((listed) => listed.name !== name))
  .map((name) => {
    const { source } = configuration<ModelConfig>("model", name);
    return { name, ...small, data: "tiny_seed" in source ? shapes : coco, measured: () => [] };
  });

export default build(
  grid(
    { model: [...models, ...others] },
    ({ model: { name, data, granularities, pairs, measured, schemes } }) => {
      const { model, files } = checkpoint(name);
      const all: { cell: SensitivityCell; analysis: Sensitivity }[] = [];
      const analysed = new Map<string, Sensitivity>();
      const analysesBy = (engine: Engine, of: readonly string[], levels: readonly string[]) =>
        grid(
          { quant_pair: of, granularity: levels, scope: SCOPES, "dataset.size": SIZES },
          ({ quant_pair: pair, granularity, scope, "dataset.size": size }) => {
            if (!pairs(scope, size).includes(pair)) return [];
            const cell = {
              model,
              checkpoint: files,
              calibration: data,
              pair: configuration<QuantPairConfig>("quant_pair", pair),
              granularity: configuration<GranularityConfig>("granularity", granularity),
              scope,
              size,
              engine,
              layout,
            };
            const analysis = sensitivity(cell);
            all.push({ cell, analysis });
            if (granularity === DEFAULT_GRANULARITY)
              analysed.set(`${engine.name} ${pair} ${scope} ${size}`, analysis);
            return analysis.declared;
          },
        );
      const analyses = [
        analysesBy(modelopt, allPairs, granularities),
        analysesBy(weightError, weightPairs, [DEFAULT_GRANULARITY]),
        analysesBy(inc, [INC_PAIR], [DEFAULT_GRANULARITY]),
        analysesBy(autoround, ["wint4_afp16", "wint8_afp16", "wint8_aint8"], [DEFAULT_GRANULARITY]),
      ];
      const analysisAt =
        (scope: Scope, size: Size, engine: Engine = modelopt) =>
        (pair: string) =>
          analysed.get(`${engine.name} ${pair} ${scope} ${size}`);
      const plans = grid(
        { bit_plan: configurationNames("bit_plan"), scope: SCOPES, "dataset.size": SIZES },
        ({ bit_plan: plan, scope, "dataset.size": size }) =>
          pairs(scope, size).length === 0
            ? []
            : bitPlan({
                model,
                scope,
                size,
                layout,
                plan: configuration<BitPlanConfig>("bit_plan", plan),
                analysis: analysisAt(scope, size),
              }),
      );
      const frontiers = grid(
        { quality: configurationNames("quality"), scope: SCOPES, "dataset.size": SIZES },
        ({ quality: config, scope, "dataset.size": size }) =>
          !measured(scope, size).includes(config)
            ? []
            : quality({
                model,
                checkpoint: files,
                calibration: data,
                scope,
                size,
                layout,
                config: configuration<QualityConfig>("quality", config),
                autoquant,
                analysis: analysisAt(scope, size),
                weightError: analysisAt(scope, size, weightError),
              }),
      );
      const folder = `${layout.root}/${name}`;
      const draws = drawsOf(folder);
      const compared = grid(
        {
          engine_comparison: configurationNames("engine_comparison"),
          "dataset.size": comparedSizes,
        },
        ({ engine_comparison: config, "dataset.size": size }) =>
          engineComparison({
            model,
            checkpoint: files,
            calibration: data,
            scope: "lm",
            size,
            layout,
            modelopt,
            granularity: configuration<GranularityConfig>("granularity", DEFAULT_GRANULARITY),
            draws,
            autoquant,
            config: configuration<EngineComparisonConfig>("engine_comparison", config),
            analysis: (engine) => analysisAt("lm", size, engines[engine]),
          }),
      );
      const tensors = tensorsOf(files, folder);
      const ranges = inputRangesOf(folder, autoquant);
      const alone = aloneOf(folder);
      const made = new Map<string, DeclaredScheme>();
      const quantized = grid({ scheme: schemes }, ({ scheme: named }) => {
        const config = configuration<SchemeConfig>("scheme", named);
        const { scope, size, engine } = config;
        const declared = scheme({
          model,
          checkpoint: files,
          calibration: data,
          scope,
          size,
          layout,
          autoquant,
          modelopt,
          granularity: configuration<GranularityConfig>("granularity", DEFAULT_GRANULARITY),
          scheme: config,
          analysis: analysisAt(scope, size, engines[engine]),
          tensors,
          ranges,
          alone,
        });
        made.set(named, declared);
        return declared.declared;
      });
      const incVariants = incModels({
        model,
        checkpoint: files,
        calibration: data,
        folder: `${folder}/quantized/inc`,
        settings: incSettings,
        inc,
        granularity: configuration<GranularityConfig>("granularity", DEFAULT_GRANULARITY),
        schemes: [...made].flatMap(([named, scheme]) => (named.startsWith("inc_") ? [scheme] : [])),
      });
      const tunedModels = autoroundModels({
        model,
        checkpoint: files,
        calibration: data,
        settings: autoroundSettings,
        autoround,
        autoquant,
        granularity: configuration<GranularityConfig>("granularity", DEFAULT_GRANULARITY),
        schemes: [...made].flatMap(([named, scheme]) =>
          named.startsWith("autoround_") ? [scheme] : [],
        ),
      });
      const reports = grid(
        { scheme_report: configurationNames("scheme_report") },
        ({ scheme_report: set }) =>
          schemeReport({
            model,
            layout,
            config: configuration<SchemeReportConfig>("scheme_report", set),
            scheme: (wanted) => made.get(wanted) ?? null,
          }),
      );
      const overview = schemesOverview({
        model,
        layout,
        tensors,
        measured,
        schemes: [...made].map(([named, declared]) => ({
          config: configuration<SchemeConfig>("scheme", named),
          made: declared,
        })),
      });
      const pages = grid(
        { scope: SCOPES, "dataset.size": SIZES },
        ({ scope, "dataset.size": size }) =>
          pairs(scope, size).length === 0
            ? []
            : modelPage({
                model,
                scope,
                size,
                layout,
                pairs: pairs(scope, size),
                analysis: analysisAt(scope, size),
              }),
      );
      const runs = runsOf(all);
      return [
        data.declared,
        formats,
        analyses,
        plans,
        frontiers,
        compared,
        quantized,
        incVariants,
        tunedModels,
        reports,
        overview,
        pages,
        comparisons(folder, runs),
        readmeTables(
          folder,
          runs.filter(({ engine }) => engine === modelopt.name),
          data.dataset,
        ),
      ];
    },
  ),
  {
    defaults: ["models/qwen3_vl_tiny/layer-analysis/weight-fp8-act-fp8"],
    adopters: ["rules/adopters/published-analysis.ts"],
    comparers: [
      "rules/comparers/analyses.ts",
      "rules/comparers/schemes.ts",
      "rules/comparers/bit-plans.ts",
    ],
  },
);
