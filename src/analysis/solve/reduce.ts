import type { Candidate } from "./problem.ts";

/** A candidate in the units of the search; `index` points into the group as it was given. */
export interface Option {
  readonly index: number;
  readonly cost: number;
  readonly score: number;
}

/**
 * The candidates worth considering: by rising cost, each with a lower score than
 * the one before. Anything else is dominated, that is never better than a kept
 * one. Of equals the one listed first stays.
 */
export function usefulOptions(
  candidates: readonly Candidate[],
  costScale: number,
): readonly Option[] {
  const options = candidates
    .map(({ cost, score }, index) => ({ index, cost: Math.round(cost * costScale), score }))
    .sort((a, b) => a.cost - b.cost || a.score - b.score || a.index - b.index);
  let best = Infinity;
  return options.filter(({ score }) => {
    const useful = score < best;
    best = Math.min(best, score);
    return useful;
  });
}

/**
 * The useful options on the lower convex hull of (cost, score): those that can
 * be best for some price per unit of cost.
 */
export function hullOptions(options: readonly Option[]): readonly Option[] {
  const hull: Option[] = [];
  for (const option of options) {
    let last = hull.at(-1);
    let before = hull.at(-2);
    while (last !== undefined && before !== undefined && gain(before, last) <= gain(last, option)) {
      hull.pop();
      last = before;
      before = hull.at(-2);
    }
    hull.push(option);
  }
  return hull;
}

/** Score saved per unit of cost when going from one option to a dearer one. */
export function gain(from: Option, to: Option): number {
  return (from.score - to.score) / (to.cost - from.cost);
}
