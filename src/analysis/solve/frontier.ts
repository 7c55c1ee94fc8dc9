import { ok, type Analysed } from "../result/result.ts";
import { checkProblem } from "./check-problem.ts";
import { FrontierPoints, takeChanges, type FrontierPoint } from "./frontier-points.ts";
import { searchFrontier } from "./frontier-search.ts";
import type { BitPlan, BitProblem, ChoiceGroup } from "./problem.ts";
import { usefulOptions } from "./reduce.ts";
import { scaleFor } from "./scale.ts";

/**
 * The whole trade of bits against score: every bit plan that no other one beats, by rising bits. The best
 * plan for any budget is the last point within it.
 */
export interface Frontier {
  /** The problem's groups, in its order. */
  readonly groups: readonly ChoiceGroup[];
  /** Candidate index per group of the first point, the plan with the fewest bits there is. */
  readonly start: readonly number[];
  /** By strictly rising bits and falling score; at least one. */
  readonly points: readonly FrontierPoint[];
  /**
   * `all`: there are no other plans. `corners`: these are the corners of the lower hull, each the best for
   * its bits; there may be plans between two of them, whose scores are not below the straight line from one
   * to the other. `some`: points were left out (see `thinFrontier`).
   */
  readonly given: "all" | "corners" | "some";
}

/** Partial plans that may be kept: a second or two at the worst, and 32 MB. Real models need half a million. */
const EFFORT = 8_000_000;

/** Plans read at once: few enough for a cache, and no power of two, which would share out its lines badly. */
const BLOCK = 100;

/**
 * The frontier of a problem in one solve: exact, and complete unless it would take more than `effort`
 * (then `given` says so). Where two plans have the same bits and score, the point is the one that comes
 * first, group by group, in the order of candidates, as in `solveBitPlan`.
 */
export function solveFrontier(problem: BitProblem, effort: number = EFFORT): Analysed<Frontier> {
  const wrong = checkProblem(problem);
  if (wrong !== undefined) return wrong;
  const { groups } = problem;
  const dearest = groups.map(({ candidates }) => Math.max(...candidates.map(({ cost }) => cost)));
  const scale = scaleFor(dearest.reduce((sum, cost) => sum + cost, 0));
  const options = groups.map((group) => usefulOptions(group.candidates, scale));
  const found = searchFrontier(options, effort);

  const start = options.map((useful) => useful[0]?.index ?? 0);
  const made = new FrontierPoints(groups, start);
  // Then sums of costs are the same in any order.
  const exact = groups.every((group) =>
    group.candidates.every(({ cost }) => Number.isInteger(cost * scale)),
  );
  const choices = new Int32Array(BLOCK * groups.length);
  for (let from = 0; from < found.size; from += BLOCK) {
    const count = Math.min(BLOCK, found.size - from);
    found.read(from, count, choices);
    const costOf = exact ? (plan: number): number => found.costAt(from + plan) / scale : undefined;
    made.add(choices, count, (plan) => found.isCorner(from + plan), costOf);
  }
  const { points } = made;
  return ok({ groups, start, points, given: found.complete ? "all" : "corners" });
}

/** Position of the last point within a budget; `undefined` when even the first needs more bits. */
export function pointWithin({ points }: Frontier, budgetBits: number): number | undefined {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    // A budget that equals the bits but for rounding is met, as in `solveBitPlan`.
    if ((points[middle]?.bits ?? 0) <= budgetBits * (1 + 1e-12)) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : low - 1;
}

/** The plans at all positions: a candidate index per group. */
export function choicesOfAll({ start, points }: Frontier): readonly (readonly number[])[] {
  const choices = [...start];
  return points.map(({ changes }) => {
    for (const [group, candidate] of changes) choices[group] = candidate;
    return [...choices];
  });
}

/** Candidate index per group of the plan at a position. */
export function choicesAt({ start, points }: Frontier, position: number): readonly number[] {
  const choices = [...start];
  for (const { changes } of points.slice(1, position + 1)) {
    for (const [group, candidate] of changes) choices[group] = candidate;
  }
  return choices;
}

/** The plan for a budget, read off the frontier: the one that `solveBitPlan` finds if all points are given. */
export function planWithin(frontier: Frontier, budgetBits: number): BitPlan {
  const { groups, points } = frontier;
  const within = pointWithin(frontier, budgetBits);
  const position = within ?? 0;
  const chosen = choicesAt(frontier, position);
  const achieved = points[position]?.bits ?? NaN;
  return {
    choices: groups.flatMap(({ name, candidates }, g) => {
      const candidate = candidates[chosen[g] ?? 0];
      return candidate === undefined ? [] : [{ name, candidate }];
    }),
    score: points[position]?.score ?? NaN,
    cost: points[position]?.cost ?? NaN,
    bits: {
      budget: budgetBits,
      achieved,
      slack: budgetBits - achieved,
      minimum: points[0]?.bits ?? NaN,
    },
    satisfied: within !== undefined,
  };
}

/**
 * At most `most` points (and no fewer than two, where there are), spread evenly over the bits: of each of
 * equal ranges the last, and both ends. Every point left is as exact as before.
 */
export function thinFrontier(frontier: Frontier, most: number): Frontier {
  const { points } = frontier;
  if (points.length <= most) return frontier;
  const low = points[0]?.bits ?? 0;
  const high = points.at(-1)?.bits ?? 0;
  const ranges = Math.max(1, most - 1);
  const range = (bits: number): number => Math.ceil(((bits - low) / (high - low)) * ranges);
  const before = Int32Array.from(frontier.start);
  const choices = Int32Array.from(frontier.start);
  const kept = points.flatMap((point, position) => {
    for (const [group, candidate] of point.changes) choices[group] = candidate;
    const next = points[position + 1];
    if (position > 0 && next !== undefined && range(next.bits) === range(point.bits)) return [];
    return [{ ...point, changes: takeChanges(before, (group) => choices[group] ?? 0) }];
  });
  return { ...frontier, points: kept, given: "some" };
}
