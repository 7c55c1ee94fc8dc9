import {
  action,
  committed,
  from,
  pythonOp,
  recordOf,
  skip,
  typescriptOp,
  type Declared,
  type Input,
} from "aqm";
import { analysisPage, scopeAndSize } from "./analysis-page.ts";
import { composedConfig } from "./composed-config.ts";
import { expectedScoring } from "./expected.ts";
import { DEFAULT_GRANULARITY, formatOf, type Format } from "./formats.ts";
import { modelopt } from "./modelopt.ts";
import type { SensitivityCell } from "./sensitivity-cell.ts";

const scoresOp = pythonOp("sensitivity_scores", modelopt);
const manifestOp = typescriptOp<typeof import("./ops/manifest.ts")>("aqm/rules/ops/manifest.ts");
const jsonReportOp = typescriptOp<typeof import("./ops/json-report.ts")>(
  "aqm/rules/ops/json-report.ts",
);
const markdownReportOp = typescriptOp<typeof import("./ops/markdown-report.ts")>(
  "aqm/rules/ops/markdown-report.ts",
);

/** What others can be made from. */
export interface Sensitivity {
  /** All that belongs to the run. */
  readonly declared: Declared;
  /** Absent where the format cannot be scored on this model's device. */
  readonly results?: {
    readonly scores: Input;
    /** What is recorded of the scores: cost, day, device. */
    readonly record: Input;
    readonly manifest: Input;
    readonly format: Format;
    readonly folder: string;
    /** Path of its manifest, for those who take it only if it is there. */
    readonly manifestPath: string;
    /** Path of its page. */
    readonly page: string;
  };
}

/** Checkpoint and calibration data → scores (the one expensive step) → manifest → reports. */
export function sensitivity(cell: SensitivityCell): Sensitivity {
  const { model, pair, scope, size } = cell;
  const folder = runFolder(cell);
  const format = formatOf(pair, cell.granularity);
  if (!format.ok) return { declared: skip(folder, format.failure.message) };
  const unsupported = format.value.unsupported[model.device];
  if (unsupported !== null) return { declared: skip(folder, unsupported) };
  const scheme = `${pair.name}_autoquant_${scope}`;
  const scores = scored(cell, format.value, folder);
  const { dataset, subsets } = cell.calibration;
  const manifestPath = `${folder}/${scheme}_quant_manifest.json`;
  const manifest = action({
    op: manifestOp,
    params: {
      scheme,
      effective_bits: cell.autoquant.effective_bits,
      score_size: cell.autoquant.score_size,
      model_id: model.checkpoint,
      quantizers: format.value.quantizers,
      loss: cell.autoquant.method === "gradient" ? cell.autoquant.loss : null,
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
    outputs: { manifest: committed(manifestPath) },
  });
  const results = {
    scores: from(scores, "scores"),
    record: recordOf(scores),
    manifest: from(manifest, "manifest"),
    format: format.value,
    folder,
    manifestPath,
    page: `${folder}/${REPORT}.html`,
  };
  const style = cell.generation === undefined ? {} : { generation: cell.generation };
  const reported = { manifest: from(manifest, "manifest") };
  const declared = [
    action({
      op: markdownReportOp,
      params: style,
      inputs: reported,
      outputs: { report: committed(`${folder}/${REPORT}.md`) },
    }),
    action({
      op: jsonReportOp,
      params: style,
      inputs: reported,
      outputs: { report: committed(`${folder}/${REPORT}.json`) },
    }),
    analysisPage({
      path: `${folder}/${REPORT}`,
      title: `${model.name}, ${pair.name}`,
      subtitle: scopeAndSize(scope, size),
      analyses: [{ name: pair.name, ...results }],
      links: [
        { text: "as Markdown", href: `${REPORT}.md` },
        { text: "as JSON", href: `${REPORT}.json` },
        { text: "all settings", href: "composed-config.yaml" },
      ],
    }),
    composedConfig(cell, format.value, folder),
  ];
  return { declared, results };
}

const REPORT = "per-layer-sensitivity";

function runFolder({ model, pair, granularity, scope, size, layout }: SensitivityCell) {
  const formats = `weight-${pair.weight}-act-${pair.activation}`;
  const level = granularity.name === DEFAULT_GRANULARITY ? "" : `${granularity.name}/`;
  const run =
    scope === "lm"
      ? `${model.name}_autoquant_${pair.name}_lm_${size}`
      : `${model.name}_autoquant_all_layers_${pair.name}_${size}`;
  return `${layout.root}/${model.name}/layer-analysis/${formats}/${level}${run}`;
}

function scored(
  { model, checkpoint, calibration, scope, size, autoquant }: SensitivityCell,
  { name, config }: Format,
  folder: string,
) {
  const { captions, database, images } = calibration.subsets[size];
  const { name: _inThePath, effective_bits: _solvedLater, batch_size, ...settings } = autoquant;
  return action({
    op: scoresOp,
    inputs: scope === "lm" ? { checkpoint, captions } : { checkpoint, database, images },
    params: {
      ...settings,
      scope,
      format: { name, config },
      dtype: model.dtype,
      batch_size: batch_size[scope],
      sequence_length: calibration.dataset.calib_seq_len,
      calibration_samples: null,
    },
    outputs: { scores: committed(`${folder}/sensitivity-scores.json`) },
    resources: { gpu: model.device === "cuda" ? 1 : 0 },
    // On one H200 a lone format took 44 s and 16 in one job 97 s: docs/gpu.md.
    batch: { apart: ["format"], shared: 0.9 } as const,
    // A divergence is measured a group and a batch at a time; gradients of all groups come at once.
    ...(autoquant.method === "kl_div" ? { resumable: { bounds: ["score_size"] as const } } : {}),
    expected: expectedScoring({
      samples: calibration.subsets[size].samples,
      batchSize: batch_size[scope],
      scoreSize: autoquant.score_size,
      device: model.device,
    }),
  });
}
