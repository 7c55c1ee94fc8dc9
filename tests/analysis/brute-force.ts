import type { BitProblem } from "../../src/analysis/solve/problem.ts";

export interface Plan {
  readonly choices: readonly number[];
  readonly cost: number;
  readonly score: number;
}

/** Every plan of a small problem, in the order of its choices. */
export function allPlans({ groups }: BitProblem): readonly Plan[] {
  return groups.reduce<readonly Plan[]>(
    (plans, group) =>
      plans.flatMap(({ choices, cost, score }) =>
        group.candidates.map((candidate, index) => ({
          choices: [...choices, index],
          cost: cost + candidate.cost,
          score: score + candidate.score,
        })),
      ),
    [{ choices: [], cost: 0, score: 0 }],
  );
}

/** Of all plans those that no other beats; of equals the first. By rising cost. */
export function allBest(problem: BitProblem): readonly Plan[] {
  // Sorting is stable: equals stay in the order of their choices.
  const sorted = allPlans(problem).toSorted((a, b) => a.cost - b.cost || a.score - b.score);
  let least = Infinity;
  return sorted.filter(({ score }) => {
    const better = score < least;
    least = Math.min(least, score);
    return better;
  });
}

/** The best plan within a budget, in the documented order of preference. */
export function bestWithin(problem: BitProblem, budgetBits: number): Plan | undefined {
  const weights = problem.groups.reduce((sum, group) => sum + group.weights, 0);
  return allBest(problem).findLast(({ cost }) => cost <= (weights * budgetBits) / 16);
}
