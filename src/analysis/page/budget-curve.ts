import { ok, type Analysed } from "../result/result.ts";
import { storedBits } from "../formats/storage.ts";
import { whatServes } from "../formats/what-serves.ts";
import { EXPORT_FORMATS } from "../schemes/scheme.ts";
import { storedForm } from "../schemes/stored-form.ts";
import type { PageAnalysis, PageModel } from "./page-model.ts";
import { offeredPairs, type BudgetData } from "./shared/budget-data.ts";
import type { BudgetCurve } from "./shared/curve.ts";
import { EFFORT, solveCurve } from "./shared/solve-curve.ts";

type Analyses = readonly [PageAnalysis, ...PageAnalysis[]];

/** What the curves of a page are solved from. */
export function budgetData(analyses: Analyses, { layers, columns }: PageModel): BudgetData {
  const position = new Map(analyses.map(({ name }, pair) => [name, pair]));
  return {
    weights: layers.map(({ weights }) => weights),
    columns: columns.map(({ name, analysis, bits }) => {
      const pair = position.get(analysis) ?? 0;
      // A manifest of several formats does not say which of them the quantizers are of.
      const single = columns.filter((other) => other.analysis === analysis).length === 1;
      const quantizers = single ? analyses[pair]?.quantizers : undefined;
      const stored = quantizers === undefined ? null : storedBits(quantizers.weight);
      return { name, pair, bits, stored };
    }),
    scores: columns.map(({ scores }) => scores),
    pairs: analyses.map(({ name, manifest, quantizers, served: known }) => {
      const service = quantizers === undefined || known === false ? null : whatServes(quantizers);
      const least = service?.by === "vllm" ? { least: service.least } : {};
      const served = service === null ? null : { by: service.by, ...least };
      const exports =
        quantizers === undefined
          ? []
          : EXPORT_FORMATS.filter((format) => "form" in storedForm(quantizers, format));
      return { name, own: manifest.budgetBits, service: served, exports };
    }),
    mixed: analyses.length > 1 && sameSums(analyses),
  };
}

/**
 * The curve that the page begins with, then that of each pair alone, where there are several. The first one is of
 * all offered pairs together where all scores are sums over the same samples, since others cannot be added up;
 * otherwise it is the first offered pair's.
 */
export function budgetCurves(data: BudgetData): Analysed<readonly [BudgetCurve, ...BudgetCurve[]]> {
  const all = data.pairs.map((_, pair) => pair);
  const front = startPairs(data);
  const first = solveCurve(data, front, "charged", EFFORT);
  if (!first.ok) return first;
  const alone: BudgetCurve[] = [];
  for (const pair of all.length === 1 ? [] : all) {
    // Whole frontiers of all pairs would take seconds; as a ground for the first one their corners do.
    const curve = solveCurve(data, new Set([pair]), "charged", 0);
    if (!curve.ok) return curve;
    alone.push(curve.value);
  }
  return ok([first.value, ...alone]);
}

/** Positions of the pairs that the page begins with. */
export function startPairs(data: BudgetData): ReadonlySet<number> {
  const offered = offeredPairs(data);
  return data.mixed ? offered : new Set([...offered].slice(0, 1));
}

/** Whether scores may be added up: the same method, over the same samples. */
export function sameSums(analyses: Analyses): boolean {
  const basis = ({ manifest: { method, measured } }: PageAnalysis): string | null =>
    measured === undefined ? null : JSON.stringify([method, measured.samples, measured.tokens]);
  const first = basis(analyses[0]);
  return first !== null && analyses.every((analysis) => basis(analysis) === first);
}
