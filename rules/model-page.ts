import { skip, type Declared } from "aqm";
import { analysisPage, scopeAndSize } from "./analysis-page.ts";
import type { ModelConfig, OutputLayoutConfig, Scope, Size } from "./configs.ts";
import type { Sensitivity } from "./sensitivity.ts";

export interface ModelPageCell {
  readonly model: ModelConfig;
  readonly scope: Scope;
  readonly size: Size;
  readonly layout: OutputLayoutConfig;
  readonly pairs: readonly string[];
  /** The analysis of a pair at this scope and size. */
  readonly analysis: (pair: string) => Sensitivity | undefined;
}

/**
 * All pairs of a model at one scope and size on one page. It needs every one of them that the model's
 * device can score, so it lies above their folders: asking for some pairs does not ask for all.
 */
export function modelPage({
  model,
  scope,
  size,
  layout,
  pairs,
  analysis,
}: ModelPageCell): Declared {
  const root = `${layout.root}/${model.name}/layer-analysis`;
  const path = `${root}/${scope}-${size}`;
  const analyses = pairs.flatMap((name) => {
    const results = analysis(name)?.results;
    return results === undefined ? [] : [{ name, ...results }];
  });
  if (analyses.length === 0) return skip(`${path}.html`, "no pair can be scored there");
  return analysisPage({
    path,
    title: model.name,
    subtitle: `${analyses.length} pairs, ${scopeAndSize(scope, size)}`,
    analyses,
    links: analyses.map(({ name, page }) => ({ text: name, href: page.slice(root.length + 1) })),
  });
}
