import type { Manifest } from "../manifest/manifest.ts";
import { isPyObject, numericValue, type PyJson, type PyObject } from "../python-json/value.ts";
import { howToRead } from "./how-to-read.ts";
import { printExponential, printFixed } from "../text/printf.ts";
import { markdownCode, markdownText } from "../text/markdown.ts";
import { sensitivityRows, type NoneRows, type SensitivityRow } from "./sensitivity-rows.ts";

export interface MarkdownReportOptions {
  readonly noneRows?: NoneRows;
  /** What the last column is called; the first writer said Costs. */
  readonly costTitle?: "Size Cost" | "Costs";
}

/**
 * The text of `per-layer-sensitivity.md`. The header lines and the table are
 * those of the published reports (same order, same number formats), so that
 * tools which read them keep working; the explanation is ours.
 */
export function markdownReport(manifest: Manifest, options: MarkdownReportOptions = {}): string {
  const title = `AutoQuant Layer Sensitivity (${markdownText(manifest.schemeName)})`;
  const rows = sensitivityRows(manifest, options.noneRows ?? "include");
  const blocks = [
    `${title}\n${"=".repeat(title.length)}`,
    field("Scheme", manifest.schemeName),
    ...(manifest.modelId === undefined ? [] : [field("Model", manifest.modelId)]),
    ...datasetBlocks(manifest.json.get("dataset")),
    ...(manifest.json.has("dataset") ? ["## Search"] : []),
    field("Effective bits (from search)", printFixed(manifest.search.effectiveBits, 4)),
    field("Total AutoQuant score", printExponential(manifest.search.score, 6)),
    field("Constraint satisfied", manifest.search.satisfied ? "True" : "False"),
    "## Per-layer sensitivity table",
    howToRead(manifest, rows),
    tableOf(rows, options.costTitle ?? "Size Cost"),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function field(name: string, value: string): string {
  return `**${name}:** ${markdownCode(value)}`;
}

const DATASET_FIELDS: ReadonlyArray<readonly [string, string]> = [
  ["name", "Name"],
  ["size", "Size"],
  ["captions_path", "Captions path"],
  ["vlm_calib_db", "Calibration DB"],
  ["root", "Root"],
  ["num_calib_samples", "Calibration samples"],
  ["calib_seq_len", "Calibration seq len"],
  ["batch_size", "Batch size"],
  ["num_calib_batches", "Calibration batches"],
];

function datasetBlocks(dataset: PyJson | undefined): readonly string[] {
  if (!isPyObject(dataset) || dataset.size === 0) return [];
  const bullets = DATASET_FIELDS.flatMap(([key, name]) => {
    const value = shown(dataset, key);
    if (value === undefined) return [];
    const limit = key === "num_calib_samples" ? shown(dataset, "max_calib_samples") : undefined;
    return [
      `- ${field(name, value)}${limit === undefined ? "" : ` / ${markdownCode(limit)} (used / max)`}`,
    ];
  });
  return ["## Dataset", bullets.join("\n")];
}

function shown(dataset: PyObject, key: string): string | undefined {
  const value = dataset.get(key);
  return typeof value === "string" ? value : numericValue(value)?.toString();
}

/** Most sensitive first by the highest candidate score; equals in module order. */
function tableOf(rows: readonly SensitivityRow[], costTitle: string): string {
  const lines = rows
    .map((row) => ({ row, highest: Math.max(...row.candidates.map(({ score }) => score)) }))
    .sort((a, b) => b.highest - a.highest)
    .map(({ row: { layer, candidates } }) => {
      const bits = candidates.map((candidate) => printFixed(candidate.bits, 1));
      const scores = candidates.map(({ score }) => printExponential(score, 3));
      const costs = candidates.map(({ cost }) => printExponential(cost, 3));
      return `|${markdownText(layer).replaceAll("|", "\\|")}|${bits.join(", ")}|${scores.join(", ")}|${costs.join(", ")}|`;
    });
  const title = `|Layer|Num Bits|Sensitivity|${costTitle}|`;
  return [title, "| :--- | :--- | :--- | :--- |", ...lines].join("\n");
}
