import { skip, type Declared } from "aqm";
import { analysisPage, scopeAndSize, type ShownAnalysis } from "./analysis-page.ts";
import type { GranularityConfig, QuantPairConfig } from "./configs.ts";
import { analysisFiles, whyNotScored, type SensitivityCell } from "./sensitivity.ts";

export interface ModelPageCell extends Omit<SensitivityCell, "pair" | "granularity"> {
  readonly pairs: readonly QuantPairConfig[];
  readonly granularity: GranularityConfig;
}

/**
 * All pairs of a model at one scope and size on one page. It needs every one of them that the model's
 * device can score, so it lies above their folders: asking for some pairs does not ask for all.
 */
export function modelPage({ pairs, ...cell }: ModelPageCell): Declared {
  const { model, scope, size, layout } = cell;
  const root = `${layout.root}/${model.name}/layer-analysis`;
  const path = `${root}/${scope}-${size}`;
  const analyses = pairs.flatMap((pair): readonly ShownAnalysis[] => {
    const of = { ...cell, pair };
    return whyNotScored(of) === null ? [{ name: pair.name, files: analysisFiles(of) }] : [];
  });
  if (analyses.length === 0) return skip(`${path}.html`, "no pair can be scored there");
  return analysisPage({
    path,
    title: model.name,
    subtitle: `${analyses.length} pairs, ${scopeAndSize(scope, size)}`,
    analyses,
    links: analyses.map(({ name, files }) => ({
      text: name,
      href: files.page.slice(root.length + 1),
    })),
  });
}
