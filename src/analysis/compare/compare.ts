import { ok, type Analysed } from "../result/result.ts";
import { comparability, type Comparability } from "./basis.ts";
import { settingDifferences, type SettingDifference } from "./configuration.ts";
import { decisionDifferences, type DecisionDifference } from "./decisions.ts";
import { flipsAt, type Flips } from "./flips.ts";
import { layerKey } from "./layer-key.ts";
import { placesOf, rankCorrelation, type RankCorrelation } from "./rank-correlation.ts";
import type { Subject, SubjectLayer } from "./subject.ts";

/** Two analyses side by side. Layers are those that both have measured. */
export interface Comparison {
  readonly a: string;
  readonly b: string;
  /** Every plan that follows is the same: scores, charged bits, weights, settings and all that is recorded. */
  readonly same: boolean;
  readonly settings: readonly SettingDifference[];
  /** Layers whose candidates, charged bits or weights are not the same. */
  readonly decisions: readonly DecisionDifference[];
  /** Other results that differ although every score is the same: what a search found, for instance. */
  readonly results: readonly SettingDifference[];
  readonly layers: { readonly both: number; readonly only_a: number; readonly only_b: number };
  /** Layers with a score of exactly 0: mostly never reached by the data. */
  readonly zeros: { readonly a: number; readonly b: number };
  readonly ranks: RankCorrelation;
  /** How many of the first k of one side are among the first k of the other. */
  readonly top: readonly { readonly k: number; readonly shared: number }[];
  /** Place 1 is the most sensitive; equals share a place. The largest moves first. */
  readonly moved: readonly { readonly layer: string; readonly a: number; readonly b: number }[];
  /** A layer's part of the sum over all layers; the largest differences first. */
  readonly shares: readonly { readonly layer: string; readonly a: number; readonly b: number }[];
  readonly comparability: Comparability;
  /** Null where magnitudes cannot be compared. */
  readonly magnitudes: Magnitudes | null;
  /** First at each side's own budget, where both have one; then at the given ones. */
  readonly flips: readonly Flips[];
}

export interface Magnitudes {
  readonly total_a: number;
  readonly total_b: number;
  /** The largest differences first. */
  readonly layers: readonly { readonly layer: string; readonly a: number; readonly b: number }[];
}

export interface ComparisonOptions {
  /** Bits per weight over the whole model, at which both searches are solved. */
  readonly budgets: readonly number[];
  /** Layers in each list, and the largest k of the overlap. */
  readonly most: number;
}

export const COMPARISON_DEFAULTS: ComparisonOptions = { budgets: [12], most: 10 };

interface Pair {
  readonly layer: string;
  readonly a: number;
  readonly b: number;
}

export function compareSubjects(
  a: Subject,
  b: Subject,
  { budgets, most }: ComparisonOptions = COMPARISON_DEFAULTS,
): Analysed<Comparison> {
  const scores = paired(a.layers, b.layers);
  const ofA = scores.map((pair) => pair.a);
  const ofB = scores.map((pair) => pair.b);
  const places = together(scores, placesOf(ofA), placesOf(ofB));
  const shares = together(scores, sharesOf(ofA), sharesOf(ofB));
  const trusted = comparability(a, b);
  const flips: Flips[] = [];
  for (const asked of budgetPairs(a, b, budgets)) {
    if (a.problem === null || b.problem === null || scores.length === 0) break;
    const solved = flipsAt(
      { problem: a.problem, budget: asked.a },
      { problem: b.problem, budget: asked.b },
    );
    if (!solved.ok) return solved;
    flips.push(solved.value);
  }
  const settings = settingDifferences(a.configuration, b.configuration);
  const unmatched = [a.layers.length - scores.length, b.layers.length - scores.length] as const;
  const equal =
    unmatched.every((count) => count === 0) && scores.every((pair) => pair.a === pair.b);
  const decisions = decisionDifferences(a.problem, b.problem);
  const results = settingDifferences(a.results, b.results);
  return ok({
    a: a.name,
    b: b.name,
    same: equal && settings.length + decisions.length + results.length === 0,
    settings,
    decisions,
    results: equal && decisions.length === 0 ? results : recorded(results),
    layers: { both: scores.length, only_a: unmatched[0], only_b: unmatched[1] },
    zeros: { a: count(ofA, 0), b: count(ofB, 0) },
    ranks: rankCorrelation(ofA, ofB),
    top: topSizes(scores.length, most).map((k) => ({ k, shared: sharedOfFirst(places, k) })),
    moved: largest(places, most),
    shares: largest(shares, most),
    comparability: trusted,
    magnitudes:
      trusted.refused.length > 0
        ? null
        : { total_a: sum(ofA), total_b: sum(ofB), layers: largest(scores, most) },
    flips,
  });
}

/** What a search found; the rest of the results follows from scores and candidates, which have lists of their own. */
const recorded = (results: readonly SettingDifference[]): readonly SettingDifference[] =>
  results.filter(({ field }) =>
    /^(?:autoquant_state|aqm\.bit_plan|aqm\.budget)(?:\.|$)/.test(field),
  );

/** Scores of the layers that both have, in the order of the first. */
function paired(a: readonly SubjectLayer[], b: readonly SubjectLayer[]): readonly Pair[] {
  const other = new Map(b.map(({ layer, score }) => [layerKey(layer), score]));
  return a.flatMap(({ layer, score }) => {
    const match = other.get(layerKey(layer));
    return match === undefined ? [] : [{ layer, a: score, b: match }];
  });
}

const together = (
  pairs: readonly Pair[],
  a: readonly number[],
  b: readonly number[],
): readonly Pair[] =>
  pairs.map(({ layer }, index) => ({ layer, a: a[index] ?? 0, b: b[index] ?? 0 }));

const sharesOf = (scores: readonly number[]): readonly number[] => {
  const total = sum(scores);
  return scores.map((score) => (total === 0 ? 0 : score / total));
};

/** Those that differ, the largest difference first; equals in module order. */
const largest = (pairs: readonly Pair[], most: number): readonly Pair[] =>
  pairs
    .filter(({ a, b }) => a !== b)
    .toSorted((x, y) => Math.abs(y.a - y.b) - Math.abs(x.a - x.b))
    .slice(0, most);

/** Layers that are among the first k of both; of equals at the edge, those that come first in the model. */
function sharedOfFirst(places: readonly Pair[], k: number): number {
  const first = (side: "a" | "b"): ReadonlySet<string> =>
    new Set(
      places
        .toSorted((x, y) => x[side] - y[side])
        .slice(0, k)
        .map(({ layer }) => layer),
    );
  const other = first("b");
  return [...first("a")].filter((layer) => other.has(layer)).length;
}

function topSizes(count: number, most: number): readonly number[] {
  return [...new Set([most, 2 * most, Math.ceil(count / 4)])]
    .filter((k) => k > 0 && k < count)
    .sort((a, b) => a - b);
}

function budgetPairs(
  a: Subject,
  b: Subject,
  budgets: readonly number[],
): readonly { readonly a: number; readonly b: number }[] {
  const own = a.budget === null || b.budget === null ? [] : [{ a: a.budget, b: b.budget }];
  return [...own, ...budgets.map((budget) => ({ a: budget, b: budget }))];
}

const count = (values: readonly number[], wanted: number): number =>
  values.filter((value) => value === wanted).length;

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);
