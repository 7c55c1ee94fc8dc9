import { effectiveBits, weightCost } from "../formats/cost.ts";
import { UNQUANTIZED_BITS } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { solveFamilies, type FamilyBudget } from "./families.ts";
import { planWithin, type Frontier } from "../solve/frontier.ts";
import { applyRules, ruleText, type LayerRule } from "./layer-rules.ts";
import type { BitPlan, BitProblem } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";

/** How large a plan may be, whichever way a person counts. */
export type Budget =
  /** Average bits per weight over the layers that may be quantized; the others stay at 16. */
  | { readonly bits: number }
  /** Bytes / 10^9 of all layer groups' weights, those that stay unquantized included. */
  | { readonly gigabytes: number };

export interface PlanRequest {
  readonly budget: Budget;
  readonly rules: readonly LayerRule[];
  readonly families: readonly FamilyBudget[];
}

export interface RequestedPlan {
  readonly plan: BitPlan;
  /** Of all plans that meet the rules and the families' budgets. */
  readonly frontier: Frontier;
}

/** Two bytes for each fp16-equivalent element. */
const BYTES_PER_COST = 2;

/** The size of layer groups' weights in gigabytes (10^9 bytes). */
export const gigabytesOf = (cost: number): number => (cost * BYTES_PER_COST) / 1e9;

/** A budget as average bits over all layer groups, which is what the solver takes. */
export function budgetBits({ groups }: BitProblem, budget: Budget): number {
  const total = groups.reduce((sum, group) => sum + group.weights, 0);
  if ("gigabytes" in budget) {
    return effectiveBits((budget.gigabytes * 1e9) / BYTES_PER_COST, total);
  }
  const kept = groups
    .filter(({ candidates }) => candidates.length === 1)
    .reduce((sum, group) => sum + group.weights, 0);
  return (kept * UNQUANTIZED_BITS + (total - kept) * budget.bits) / total;
}

/**
 * The best plan that meets the budget, the rules and the families' budgets, and the frontier of all that
 * meet the latter two. What cannot be met is a failure that names what stands in the way.
 */
export function planRequest(problem: BitProblem, request: PlanRequest): Analysed<RequestedPlan> {
  const { budget, rules, families } = request;
  const bits = budgetBits(problem, budget);
  // A budget in bits has this bound in the schema of bit plans; bytes depend on the model.
  if ("gigabytes" in budget && bits > UNQUANTIZED_BITS * (1 + 1e-12)) {
    return aboveAll(problem, budget.gigabytes);
  }
  const ruled = applyRules(problem, rules);
  if (!ruled.ok) return ruled;
  const frontier = solveFamilies(ruled.value, families);
  if (!frontier.ok) return frontier;
  const plan: Analysed<BitPlan> =
    families.length === 0 ? solveBitPlan(ruled.value, bits) : ok(planWithin(frontier.value, bits));
  if (!plan.ok) return plan;
  if (!plan.value.satisfied) return budgetUnmet(problem, request, plan.value);
  return ok({ plan: plan.value, frontier: frontier.value });
}

function aboveAll({ groups }: BitProblem, gigabytes: number): ReturnType<typeof failed> {
  const weights = groups.reduce((sum, group) => sum + group.weights, 0);
  return failed(
    "invalid_budget",
    "budget",
    `A budget of ${gigabytes} GB asks for nothing: the weights of all ${groups.length} layer groups have ${gigabytesOf(weights)} GB at 16 bits. Ask for less. Embeddings, norms and biases do not count.`,
  );
}

function budgetUnmet(
  problem: BitProblem,
  { budget, rules }: PlanRequest,
  { cost, bits }: BitPlan,
): ReturnType<typeof failed> {
  const weights = problem.groups.reduce((sum, group) => sum + group.weights, 0);
  const inWay = rules.filter((rule) => {
    const others = applyRules(
      problem,
      rules.filter((other) => other !== rule),
    );
    return others.ok && leastCost(others.value) <= weightCost(weights, bits.budget);
  });
  const blame =
    inWay.length === 0
      ? leastCost(problem) > weightCost(weights, bits.budget)
        ? "No candidate is small enough, even without the rules."
        : "No rule stands in the way alone."
      : `It could be met without ${inWay.map((rule) => `the rule "${ruleText(rule)}"`).join(", or without ")}.`;
  const [asked, least] =
    "gigabytes" in budget
      ? [`${budget.gigabytes} GB`, `${gigabytesOf(cost)} GB`]
      : [`${budget.bits} bits a weight`, `${requestedBits(problem, bits.minimum)} bits a weight`];
  return failed(
    "budget_unmet",
    "budget",
    `A budget of ${asked} cannot be met: the smallest plan has ${least}. ${blame} Allow that much, or add a smaller candidate.`,
  );
}

const leastCost = ({ groups }: BitProblem): number =>
  groups.reduce((sum, { candidates }) => sum + Math.min(...candidates.map(({ cost }) => cost)), 0);

/** The inverse of `budgetBits` for a budget in bits. */
function requestedBits({ groups }: BitProblem, overAll: number): number {
  let [total, kept] = [0, 0];
  for (const { weights, candidates } of groups) {
    total += weights;
    if (candidates.length === 1) kept += weights;
  }
  return (overAll * total - kept * UNQUANTIZED_BITS) / (total - kept);
}
