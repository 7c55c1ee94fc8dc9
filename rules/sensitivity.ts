import { action, committed, from, pythonOp, typescriptOp, type Declared, type Input } from "aqm";
import type { Calibration } from "./calibration.ts";
import type {
  AutoquantConfig,
  ModelConfig,
  OutputLayoutConfig,
  QuantPairConfig,
  Scope,
  Size,
} from "./configs.ts";
import { expectedScoring } from "./expected.ts";
import { modelopt } from "./modelopt.ts";

interface ScoresParams extends Omit<AutoquantConfig, "effective_bits" | "batch_size"> {
  readonly scope: Scope;
  readonly format: { readonly name: string; readonly config: object };
  readonly dtype: ModelConfig["dtype"];
  readonly batch_size: number;
  readonly sequence_length: number;
  readonly calibration_samples: number | null;
}
const lmScores = pythonOp<ScoresParams, "checkpoint" | "captions", "scores">(
  "sensitivity_scores",
  modelopt,
);
const allLayersScores = pythonOp<ScoresParams, "checkpoint" | "database" | "images", "scores">(
  "sensitivity_scores",
  modelopt,
);
const manifestOp = typescriptOp<typeof import("./ops/manifest.ts")>("rules/ops/manifest.ts");
const jsonReportOp = typescriptOp<typeof import("./ops/json-report.ts")>(
  "rules/ops/json-report.ts",
);
const markdownReportOp = typescriptOp<typeof import("./ops/markdown-report.ts")>(
  "rules/ops/markdown-report.ts",
);

export interface SensitivityCell {
  readonly model: ModelConfig;
  readonly checkpoint: Input;
  readonly calibration: Calibration;
  readonly pair: QuantPairConfig;
  readonly scope: Scope;
  readonly size: Size;
  readonly autoquant: AutoquantConfig;
  readonly layout: OutputLayoutConfig;
}

/** Checkpoint and calibration data → scores (the one expensive step) → manifest → reports. */
export function sensitivity(cell: SensitivityCell): Declared {
  const { model, pair, scope, size, layout } = cell;
  const scheme = `${pair.name}_autoquant_${scope}`;
  const run =
    scope === "lm"
      ? `${model.name}_autoquant_${pair.name}_lm_${size}`
      : `${model.name}_autoquant_all_layers_${pair.name}_${size}`;
  const folder = `${layout.root}/${model.name}/layer-analysis/weight-${pair.weight}-act-${pair.activation}/${run}`;
  const scores = scored(cell, folder);
  const { dataset, subsets } = cell.calibration;
  const manifest = action({
    op: manifestOp,
    params: {
      scheme,
      effective_bits: cell.autoquant.effective_bits,
      score_size: cell.autoquant.score_size,
      model_id: model.checkpoint,
      dataset: {
        name: dataset.name,
        size,
        root: dataset.calibration,
        captions_path: scope === "lm" ? subsets[size].captions.path : null,
        vlm_calib_db: scope === "lm" ? null : subsets[size].database.path,
        max_calib_samples: subsets[size].samples,
      },
    },
    inputs: { scores: from(scores, "scores") },
    outputs: { manifest: committed(`${folder}/${scheme}_quant_manifest.json`) },
  });
  const reported = { manifest: from(manifest, "manifest") };
  return [
    action({
      op: markdownReportOp,
      params: {},
      inputs: reported,
      outputs: { report: committed(`${folder}/per-layer-sensitivity.md`) },
    }),
    action({
      op: jsonReportOp,
      params: {},
      inputs: reported,
      outputs: { report: committed(`${folder}/per-layer-sensitivity.json`) },
    }),
  ];
}

function scored(
  { model, checkpoint, calibration, pair, scope, size, autoquant }: SensitivityCell,
  folder: string,
) {
  const { captions, database, images } = calibration.subsets[size];
  const { effective_bits: _solvedLater, batch_size, ...settings } = autoquant;
  const shared = {
    params: {
      ...settings,
      scope,
      format: { name: pair.format_name, config: quantConfig(pair) },
      dtype: model.dtype,
      batch_size: batch_size[scope],
      sequence_length: calibration.dataset.calib_seq_len,
      calibration_samples: null,
    },
    outputs: { scores: committed(`${folder}/sensitivity-scores.json`) },
    resources: { gpu: model.device === "cuda" ? 1 : 0 },
    // Of 16 formats in one job, each took a third of what it took alone.
    batch: { apart: ["format"], shared: 0.6 } as const,
    expected: expectedScoring({
      samples: calibration.subsets[size].samples,
      batchSize: batch_size[scope],
      scoreSize: autoquant.score_size,
    }),
  };
  return scope === "lm"
    ? action({ op: lmScores, inputs: { checkpoint, captions }, ...shared })
    : action({ op: allLayersScores, inputs: { checkpoint, database, images }, ...shared });
}

/** ModelOpt's list-style config: everything off, then the weight and the input quantizers. */
function quantConfig({ quantizers, algorithm }: QuantPairConfig): object {
  const { weight, input } = quantizers;
  return {
    quant_cfg: [
      { quantizer_name: "*", enable: false },
      { quantizer_name: "*weight_quantizer", cfg: weight, enable: true },
      ...(input === null ? [] : [{ quantizer_name: "*input_quantizer", cfg: input, enable: true }]),
    ],
    algorithm,
  };
}
