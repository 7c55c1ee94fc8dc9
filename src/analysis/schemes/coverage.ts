import { pyFloat, pyObject } from "../python-json/value.ts";
import { writePythonJson } from "../python-json/write.ts";
import { handleOf } from "../scores/handle.ts";
import type { Ranking } from "./scheme.ts";

/** Which groups of an analysis a scheme quantizes, as the original's slicer wrote it. */
export interface Coverage {
  /** Folder of the analysis whose ranking decides. */
  readonly baselineFolder: string;
  readonly baselineManifest: string;
  readonly scheme: string;
  readonly percent: number;
  /** Names of groups in the order in which the share takes them. */
  readonly selected: readonly string[];
  readonly others: readonly string[];
  readonly ranking: Ranking;
}

/**
 * The coverage manifest, byte for byte as the original wrote it for the least sensitive groups. The opposite
 * reading has one further key that says so, since the original could not say it.
 */
export function coverageJson(coverage: Coverage): string {
  const { selected, others, percent, ranking } = coverage;
  return writePythonJson(
    pyObject([
      ["baseline_dir", coverage.baselineFolder],
      ["baseline_manifest", coverage.baselineManifest],
      ["scheme_name", coverage.scheme],
      ["top_percent", percent],
      ["coverage_fraction", pyFloat(percent / 100)],
      ["num_layers_total", selected.length + others.length],
      ["num_layers_selected", selected.length],
      ["num_layers_dropped", others.length],
      ["selected_layers", selected.map(handleOf)],
      ["dropped_layers", others.map(handleOf)],
      ["ranking", ranking === "most sensitive first" ? ranking : undefined],
    ]),
  );
}
