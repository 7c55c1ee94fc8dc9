import { isPyObject } from "../python-json/value.ts";
import type { NoneRows } from "./sensitivity-rows.ts";
import type { Manifest } from "../manifest/manifest.ts";

/**
 * How published artifacts were written over time. What differs in figures:
 *
 * - `1`: no model in the manifest; the table's last column is called Costs; no JSON report.
 * - `2`: layers that stay unquantized have no row.
 * - `3`: they have one.
 * - `4`: the manifest has the data set, and the reports show it.
 * - `5`: quantization and run configuration as well. No report of this generation was published.
 * - `aqm`: written here, in the layout of 4, with additions under a key of their own.
 */
export const GENERATIONS = ["1", "2", "3", "4", "5", "aqm"] as const;
export type Generation = (typeof GENERATIONS)[number];

/** How the reports of a generation differ from those written here. */
export interface ReportStyle {
  readonly noneRows: NoneRows;
  readonly costTitle: "Size Cost" | "Costs";
}

export const reportStyle = (generation: Generation): ReportStyle => ({
  noneRows: generation === "1" || generation === "2" ? "skip" : "include",
  costTitle: generation === "1" ? "Costs" : "Size Cost",
});

/**
 * Which generations a manifest can be of: 2 and 3 differ in their reports alone. A run that left most
 * layers out on the word of another one is of 2; that was given up before 3.
 */
export function manifestGenerations({ json }: Manifest): readonly Generation[] {
  if (json.has("aqm")) return ["aqm"];
  if (json.has("run_config")) return ["5"];
  if (json.has("dataset")) return ["4"];
  if (!json.has("model")) return ["1"];
  const scheme = json.get("scheme");
  const coverage = isPyObject(scheme) ? scheme.get("coverage_mode") : undefined;
  return coverage === "all_layers_from_baseline" ? ["2"] : ["2", "3"];
}

/** The generation of a published Markdown report, from its own text; null when it is none. */
export function markdownGeneration(markdown: string): Generation | null {
  if (/^\|Layer\|Num Bits\|Sensitivity\|Costs\|$/m.test(markdown)) return "1";
  if (!/^\|Layer\|Num Bits\|Sensitivity\|Size Cost\|$/m.test(markdown)) return null;
  if (/^## Search$/m.test(markdown)) return "aqm";
  if (/^## Summary$/m.test(markdown)) return "5";
  if (/^## Dataset$/m.test(markdown)) return "4";
  return / layer keys may end with /.test(markdown) ? "3" : "2";
}
