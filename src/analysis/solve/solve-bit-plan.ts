import { effectiveBits, weightCost } from "../formats/cost.ts";
import { ok, type Analysed } from "../result/result.ts";
import { checkBudget, checkProblem } from "./check-problem.ts";
import { searchBest } from "./exact-search.ts";
import type { BitPlan, BitProblem, Choice, ChoiceGroup } from "./problem.ts";
import { usefulOptions } from "./reduce.ts";
import { scaledBudget, scaleFor } from "./scale.ts";

/**
 * The plan with the least summed score whose average bits per weight are at most
 * `budgetBits`, exactly. Averages run over all groups, fixed ones included.
 *
 * Preference among plans: lower score (compared to one part in 2^51 of the
 * total); then lower cost; then, at the first group where two plans differ, the
 * candidate listed first. When nothing meets the budget the result is the
 * smallest plan there is, marked `satisfied: false`, and `bits.minimum` is the
 * budget that would do.
 */
export function solveBitPlan(problem: BitProblem, budgetBits: number): Analysed<BitPlan> {
  const wrong = checkBudget(budgetBits) ?? checkProblem(problem);
  if (wrong !== undefined) return wrong;
  const { groups } = problem;
  const totalWeights = sum(groups.map((group) => group.weights));
  const dearest = groups.map(({ candidates }) => Math.max(...candidates.map(({ cost }) => cost)));
  const scale = scaleFor(sum(dearest));
  const options = groups.map((group) => usefulOptions(group.candidates, scale));
  const budget = scaledBudget(weightCost(totalWeights, budgetBits), scale, groups.length);

  const smallest = options.map((useful) => useful[0]?.index ?? 0);
  const satisfied = sum(options.map((useful) => useful[0]?.cost ?? 0)) <= budget;
  const best: Analysed<readonly number[]> = satisfied ? searchBest(options, budget) : ok(smallest);
  if (!best.ok) return best;

  const choices = choose(groups, best.value);
  const cost = sum(choices.map(({ candidate }) => candidate.cost));
  const achieved = effectiveBits(cost, totalWeights);
  const minimumCost = sum(choose(groups, smallest).map(({ candidate }) => candidate.cost));
  return ok({
    choices,
    score: sum(choices.map(({ candidate }) => candidate.score)),
    cost,
    bits: {
      budget: budgetBits,
      achieved,
      slack: budgetBits - achieved,
      minimum: effectiveBits(minimumCost, totalWeights),
    },
    satisfied,
  });
}

function choose(groups: readonly ChoiceGroup[], plan: readonly number[]): readonly Choice[] {
  return groups.flatMap(({ name, candidates }, g) => {
    const candidate = candidates[plan[g] ?? 0];
    return candidate === undefined ? [] : [{ name, candidate }];
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
