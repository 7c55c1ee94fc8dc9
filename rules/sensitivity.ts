import {
  action,
  committed,
  from,
  recordOf,
  skip,
  typescriptOp,
  type Declared,
  type Input,
} from "aqm";
import { analysisPage, scopeAndSize } from "./analysis-page.ts";
import { composedConfig } from "./composed-config.ts";
import { scopeLacking } from "./configs.ts";
import { DEFAULT_GRANULARITY, type Format } from "./engines/engine.ts";
import { lacksImages } from "./samples.ts";
import type { SensitivityCell } from "./sensitivity-cell.ts";

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
  /** Why the format cannot be scored on this model's device; absent where it can. */
  readonly skipped?: string;
  /** Absent where it cannot. */
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

/** Why what is made from the scores of several pairs is skipped, where one of these has none. */
export function candidateNotScored(
  pair: string,
  model: string,
  analysis: Sensitivity | undefined,
): string {
  const why = analysis?.skipped === undefined ? "" : `: ${analysis.skipped}`;
  return `its candidate ${pair} is not scored for ${model}${why}`;
}

/** Checkpoint and calibration data → scores (the one expensive step) → manifest → reports. */
export function sensitivity(cell: SensitivityCell): Sensitivity {
  const { model, pair, scope, size, engine } = cell;
  const folder = runFolder(cell);
  const format = engine.formatOf(pair, cell.granularity);
  const unsupported =
    scopeLacking(model, scope) ??
    lacksImages(cell.calibration, scope) ??
    (format.ok ? format.value.unsupported[model.device] : format.error.message);
  if (!format.ok || unsupported !== null) {
    const skipped = unsupported ?? "";
    return { declared: skip(folder, skipped), skipped };
  }
  const scheme = `${pair.name}_${engine.word}_${scope}`;
  const scores = format.value.scores(cell, folder);
  const { dataset, subsets } = cell.calibration;
  const manifestPath = `${folder}/${scheme}_quant_manifest.json`;
  const manifest = action({
    op: manifestOp,
    params: {
      scheme,
      effective_bits: engine.effectiveBits,
      score_size: engine.scoreSize(cell),
      model_id: model.checkpoint,
      quantizers: format.value.quantizers,
      loss: engine.loss,
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
      // Named only where it is not the one that most analyses are by.
      title: `${model.name}, ${pair.name}${engine.name === "modelopt" ? "" : `, ${engine.name}`}`,
      subtitle: scopeAndSize(scope, size),
      analyses: [{ name: pair.name, quantizers: format.value.quantizers, ...results }],
      // Schemes take scores of pairs as they are, without another granularity.
      ...(cell.granularity.name === DEFAULT_GRANULARITY && cell.languageModel !== false
        ? { settings: { scope, size } }
        : {}),
      ...(cell.languageModel === false ? { served: false } : {}),
      links: [
        { text: "as Markdown", href: `${REPORT}.md` },
        { text: "as JSON", href: `${REPORT}.json` },
        { text: "all settings", href: "composed-config.yaml" },
      ],
    }),
    composedConfig(cell, format.value, results.scores, folder),
    format.value.reports?.(cell, folder) ?? [],
  ];
  return { declared, results };
}

const REPORT = "per-layer-sensitivity";

function runFolder({ model, pair, granularity, scope, size, engine, layout }: SensitivityCell) {
  const formats = `weight-${pair.weight}-act-${pair.activation}`;
  const level = granularity.name === DEFAULT_GRANULARITY ? "" : `${granularity.name}/`;
  const run =
    scope === "lm"
      ? `${model.name}_${engine.word}_${pair.name}_lm_${size}`
      : `${model.name}_${engine.word}_all_layers_${pair.name}_${size}`;
  return `${layout.root}/${model.name}/layer-analysis/${formats}/${level}${run}`;
}
