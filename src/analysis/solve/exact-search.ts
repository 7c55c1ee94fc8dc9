import { failed, ok, type Analysed } from "../result/result.ts";
import { Front } from "./front.ts";
import type { Option } from "./reduce.ts";
import { relax, type Relaxation } from "./relaxation.ts";
import { scaleFor } from "./scale.ts";
import type { Move, Step } from "./step.ts";

/**
 * Partial plans that the search may hold at once: some 240 MB. Real models need
 * a few thousand; beyond lie only made-up cases, such as scores in exact
 * proportion to sizes that all differ.
 */
const MAX_PLANS = 10_000_000;

/**
 * The best plan within the budget, exactly: an index of a candidate per group.
 *
 * Fronts of partial plans are grown group by group. A partial plan is dropped
 * when its score, plus the least that the other groups can add at the price of
 * the relaxation, exceeds that of a plan already known. Most groups have only
 * one option left under this rule before the search starts.
 *
 * Order of preference: lower score; then lower cost; then, at the first group
 * where two plans differ, the candidate listed first.
 *
 * @param groups useful options by rising cost, at least one each; costs are integers
 * @param budget at least the sum of the first options' costs
 */
export function searchBest(
  groups: readonly (readonly Option[])[],
  budget: number,
): Analysed<readonly number[]> {
  const relaxation = relax(groups, budget);
  const plan = relaxation.base.map((option) => option.index);
  if (relaxation.price === 0) return ok(plan);
  const core = coreOf(groups, relaxation, budget);
  const front = growFront(core);
  if (front === undefined) {
    return failed(
      "search_too_large",
      "",
      `The exact search over ${core.steps.length} open layer groups exceeds ${MAX_PLANS} partial plans. Use fewer candidate formats per layer, or another budget.`,
    );
  }
  // All plans of the last front are in the budget, and the last has the lowest score.
  front.read(front.size - 1, 1, plan);
  return ok(plan);
}

/** The groups whose choice is still open, relative to the base plan of the relaxation. */
interface Core {
  readonly steps: readonly Step[];
  readonly price: number;
  /** Cost that the base plan leaves unused. */
  readonly room: number;
  /** Score of a known plan: nothing above it can be best. */
  readonly bound: number;
  /** Rounding that the bounds have to forgive. */
  readonly tolerance: number;
}

function coreOf(
  groups: readonly (readonly Option[])[],
  { base, price, bound }: Relaxation,
  budget: number,
): Core {
  const baseScore = base.reduce((sum, option) => sum + option.score, 0);
  const scale = scaleFor(baseScore);
  const room = budget - base.reduce((sum, option) => sum + option.cost, 0);
  const scaledPrice = price * scale;
  const relativeBound = (bound - baseScore) * scale;
  const gap = relativeBound + scaledPrice * room;
  const tolerance = 2 * groups.length + 16 + Math.abs(gap) * 1e-9;
  const steps: (Step & { readonly spread: number })[] = [];
  groups.forEach((options, group) => {
    const home = base[group];
    if (home === undefined) return;
    const homeScore = Math.round(home.score * scale);
    const moves: Move[] = [];
    let spread = 0;
    for (const { index, cost, score } of options) {
      // The base plan scores above the bound or equal to it, so this loses nothing.
      if (score > baseScore) continue;
      const move = { index, cost: cost - home.cost, score: Math.round(score * scale) - homeScore };
      const excess = move.score + scaledPrice * move.cost;
      if (excess > gap + tolerance) continue;
      moves.push(move);
      spread = Math.max(spread, excess);
    }
    if (moves.length > 1) steps.push({ group, moves, spread });
  });
  // Groups that are nearly decided first: they multiply the plans least.
  steps.sort((a, b) => b.spread - a.spread || a.group - b.group);
  return { steps, price: scaledPrice, room, bound: relativeBound, tolerance };
}

/** The front after the last step; `undefined` when fronts grow too large. */
function growFront({ steps, price, room, bound, tolerance }: Core): Front | undefined {
  const cheapestRest = cheapestAfter(steps);
  const front = new Front(steps, MAX_PLANS);
  let best = bound;
  for (const s of steps.keys()) {
    const reserve = cheapestRest[s + 1] ?? 0;
    const done = front.extend((cost, score) => {
      if (cost + reserve > room) return false;
      // With base options in all other groups this plan is complete and in the budget.
      if (cost <= room && score < best) best = score;
      return score + price * (cost - room) <= best + tolerance;
    });
    if (!done) return undefined;
  }
  return front;
}

/** Per step, the least relative cost that the steps from there on can have. */
function cheapestAfter(steps: readonly Step[]): readonly number[] {
  const sums = [0];
  for (const { moves } of steps.toReversed()) {
    sums.push((sums.at(-1) ?? 0) + Math.min(...moves.map((move) => move.cost)));
  }
  return sums.reverse();
}
