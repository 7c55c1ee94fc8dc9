import { ok, type Analysed } from "../result/result.ts";
import type { SearchStart } from "../schemes/scheme.ts";
import { choicesOfAll, solveFrontier, thinFrontier } from "../solve/frontier.ts";
import { costOf, problemOf, quantizesSome, type WeighedGroups } from "./weighed-groups.ts";

/** A plan of the frontier of a start. */
export interface FrontierPlan {
  readonly start: SearchStart;
  readonly cost: number;
  /** In the order of the groups. */
  readonly formats: readonly string[];
}

/** Plans that a goal is searched among: bisection needs nine measurements for those of one start, sixteen for two. */
const MOST_PLANS = 256;

/**
 * The exact frontiers of all starts as one list by rising cost, all of them with something quantized. A plan of several
 * frontiers stands under each of their starts, so that each frontier can be bisected as a whole. Long frontiers are
 * thinned evenly, so that together they have at most 256 plans.
 */
export function mergedFrontier(
  groups: WeighedGroups,
  starts: readonly SearchStart[],
): Analysed<readonly FrontierPlan[]> {
  const plans: FrontierPlan[] = [];
  for (const start of starts) {
    const problem = problemOf(groups, start);
    const frontier = solveFrontier(problem);
    if (!frontier.ok) return frontier;
    const thin = thinFrontier(frontier.value, Math.floor(MOST_PLANS / starts.length));
    for (const chosen of choicesOfAll(thin)) {
      const formats = problem.groups.map(
        ({ candidates }, g) => candidates[chosen[g] ?? 0]?.format ?? "",
      );
      if (quantizesSome(formats)) plans.push({ start, cost: costOf(groups, formats), formats });
    }
  }
  return ok(plans.toSorted((a, b) => a.cost - b.cost));
}
