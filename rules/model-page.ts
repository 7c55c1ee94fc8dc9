import { configuration, skip, type Declared } from "aqm";
import { analysisPage, scopeAndSize, type LeftOut } from "./analysis-page.ts";
import type { ModelConfig, OutputLayoutConfig, QuantPairConfig, Scope, Size } from "./configs.ts";
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
    return results === undefined
      ? []
      : [{ name, quantizers: results.format.quantizers, ...results }];
  });
  const skipped = pairs.flatMap((name): readonly LeftOut[] => {
    const of = analysis(name);
    if (of?.results !== undefined) return [];
    const { quantizers } = configuration<QuantPairConfig>("quant_pair", name);
    return [{ name, quantizers, because: of?.skipped ?? `it is not scored for ${model.name}` }];
  });
  if (analyses.length === 0) {
    const reasons = [...new Set(skipped.map(({ because }) => because))].join("; ");
    return skip(`${path}.html`, `no pair can be scored there${reasons && `: ${reasons}`}`);
  }
  return analysisPage({
    path,
    title: model.name,
    subtitle: `${analyses.length} pairs, ${scopeAndSize(scope, size)}`,
    analyses,
    skipped,
    settings: { scope, size },
    links: analyses.map(({ name, page }) => ({ text: name, href: page.slice(root.length + 1) })),
  });
}
