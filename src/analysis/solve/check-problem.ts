import { failed, type Analysed } from "../result/result.ts";
import type { BitProblem } from "./problem.ts";

/** What makes a budget in bits per weight impossible by itself, if anything. */
export function checkBudget(budgetBits: number): Analysed<never> | undefined {
  if (!(budgetBits > 0 && Number.isFinite(budgetBits))) {
    return failed(
      "invalid_budget",
      "",
      `A budget of ${budgetBits} bits per weight is not possible. Give a number above zero, for instance 8.0.`,
    );
  }
  return undefined;
}

/** What makes a problem unfit to be solved, if anything. */
export function checkProblem({ groups }: BitProblem): Analysed<never> | undefined {
  if (!groups.some((group) => group.weights > 0)) {
    return failed(
      "no_candidates",
      "",
      "There are no layer groups with weights to choose formats for. Check the scope and the model that were scored.",
    );
  }
  for (const { name, weights, candidates } of groups) {
    if (candidates.length === 0) {
      return failed(
        "no_candidates",
        name,
        `${name} has no candidate format. Every group needs at least one, if only NONE.`,
      );
    }
    const numbers = [weights, ...candidates.flatMap(({ cost, score }) => [cost, score])];
    const bad = numbers.find((value) => !(Number.isFinite(value) && value >= 0));
    if (bad !== undefined) {
      return failed(
        Number.isFinite(bad) ? "wrong_structure" : "non_finite_number",
        name,
        `${name} has ${bad} among its weights, costs and scores; they must be finite and not below zero. Measure its scores again.`,
      );
    }
  }
  return undefined;
}
