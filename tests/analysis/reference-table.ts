import {
  manifestGenerations,
  markdownGeneration,
  reportStyle,
} from "../../src/analysis/report/generation.ts";
import { checkFigures } from "../../src/analysis/manifest/check-figures.ts";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import { writePythonJson } from "../../src/analysis/python-json/write.ts";
import { jsonReport } from "../../src/analysis/report/json-report.ts";
import { markdownReport } from "../../src/analysis/report/markdown-report.ts";
import { expectValue } from "./figures.ts";
import { markdownFigures } from "./markdown-figures.ts";
import type { ReferenceRun } from "./reference-data.ts";

/** One line a published manifest: what of it, and of its reports, comes out again. */
export function referenceTable(runs: readonly ReferenceRun[]): string {
  const rows = runs.map((run) => {
    const manifest = expectValue(readManifest(run.manifest));
    const generation =
      run.markdown === undefined
        ? manifestGenerations(manifest).join(" or ")
        : (markdownGeneration(run.markdown) ?? "not recognised");
    return [
      `\`${run.name}\``,
      generation,
      writePythonJson(manifest.json) === run.manifest ? "equal" : "DIFFERENT",
      checkFigures(manifest).ok ? "agree" : "DISAGREE",
      ...reportCells(run, manifest),
    ];
  });
  const titles = [
    "manifest",
    "generation",
    "manifest bytes",
    "figures",
    "JSON bytes",
    "Markdown header",
    "Markdown rows",
  ];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [titles, titles.map(() => "---"), ...rows].map(line).join("\n");
}

function reportCells(
  run: ReferenceRun,
  manifest: Parameters<typeof jsonReport>[0],
): readonly string[] {
  if (run.json === undefined || run.markdown === undefined) return ["none", "none", "none"];
  const style = reportStyle(run.generation);
  const published = markdownFigures(run.markdown);
  const ours = markdownFigures(markdownReport(manifest, style));
  const equal = (a: unknown, b: unknown): string =>
    JSON.stringify(a) === JSON.stringify(b) ? "equal" : "DIFFERENT";
  return [
    `${equal(jsonReport(manifest, style), run.json)} (${Buffer.byteLength(run.json)})`,
    `${equal([ours.title, ours.header], [published.title, published.header])} (${published.header.length})`,
    `${equal([ours.columns, ours.rows], [published.columns, published.rows])} (${published.rows.length})`,
  ];
}
