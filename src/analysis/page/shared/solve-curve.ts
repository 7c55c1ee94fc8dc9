import { adjustedBits, enabledBits, type WeightShare } from "../../formats/adjusted-bits.ts";
import { UNQUANTIZED, UNQUANTIZED_BITS } from "../../formats/label.ts";
import { ok, type Analysed } from "../../result/result.ts";
import { pointWithin, solveFrontier, type Frontier } from "../../solve/frontier.ts";
import { solveBitPlan } from "../../solve/solve-bit-plan.ts";
import {
  choiceName,
  countedBits,
  keptLayers,
  problemOf,
  type BudgetData,
  type Counted,
} from "./budget-data.ts";
import type { BudgetCurve, BudgetStep, CurveOption } from "./curve.ts";

/** Between two budgets of the slider, in bits per weight of the layers that may be quantized. */
const BETWEEN = 0.05;

/** Partial plans kept for a curve: a page is to be made at once, and has few of a frontier's points. */
export const EFFORT = 1_500_000;

/** Where corners leave more bits than this unused, and at the run's own budget, that budget is solved alone. */
const MUCH = 0.1;

/**
 * The best plans of the chosen pairs for the budgets of the slider. The op and the browser both call this.
 *
 * @param chosen positions of pairs; with none of them every layer stays at 16 bits
 * @param effort how many partial plans may be kept; if that is too few, the curve goes through corners
 */
export function solveCurve(
  data: BudgetData,
  chosen: ReadonlySet<number>,
  counted: Counted,
  effort: number,
): Analysed<BudgetCurve> {
  const problem = problemOf(data, chosen, counted);
  const frontier = solveFrontier(problem, effort);
  if (!frontier.ok) return frontier;
  const exact = frontier.value.given === "all";
  const { options, positions } = optionsOf(data, chosen, counted);
  const optionOf = (group: number, candidate: number): number =>
    positions.get(problem.groups[group]?.candidates[candidate]?.format ?? "") ?? options.length - 1;
  const own = ownBudget(data, chosen);
  const steps = [...stepsOf(frontier.value, own, sharesOf(data))].map(({ choices, ...step }) => ({
    ...step,
    choices: choices.map((candidate, group) => optionOf(group, candidate)),
  }));
  if (!exact) {
    for (const [index, { budget, bits }] of steps.entries()) {
      if (budget !== own && budget - bits <= MUCH) continue;
      const solved = solveBitPlan(problem, budget);
      if (!solved.ok) return solved;
      const { bits: used, score, choices: found, satisfied } = solved.value;
      if (!satisfied) continue;
      const choices = found.map(({ candidate }) => positions.get(candidate.format) ?? 0);
      steps[index] = { budget, bits: used.achieved, score, choices };
    }
  }
  const at = steps.findIndex(({ budget }) => budget === own);
  return ok({
    name: choiceName(data, chosen),
    options,
    steps,
    chosen: Math.max(0, at),
    exact,
  });
}

/** The budget of the run: of several, that of the first chosen pair. */
const ownBudget = ({ pairs }: BudgetData, chosen: ReadonlySet<number>): number =>
  (pairs.find((_, pair) => chosen.has(pair)) ?? pairs[0])?.own ?? UNQUANTIZED_BITS;

/** Formats of the chosen pairs, then none; and where each candidate's format is among them. */
function optionsOf(
  { columns }: BudgetData,
  chosen: ReadonlySet<number>,
  counted: Counted,
): { readonly options: readonly CurveOption[]; readonly positions: ReadonlyMap<string, number> } {
  const options: CurveOption[] = [];
  const positions = new Map<string, number>();
  columns.forEach(({ name, pair, bits, stored }, column) => {
    if (!chosen.has(pair)) return;
    positions.set(String(column), options.length);
    options.push({ name, bits: countedBits({ bits, stored }, counted), stored, column });
  });
  positions.set(UNQUANTIZED, options.length);
  const bits = UNQUANTIZED_BITS;
  options.push({ name: "16 bits", bits, stored: bits, column: null });
  return { options, positions };
}

/** What tells bits over all layers from bits of those that may be quantized. */
export function sharesOf(data: BudgetData): readonly WeightShare[] {
  const kept = keptLayers(data);
  return data.weights.map((weights, layer) => ({ weights, enabled: kept[layer] !== true }));
}

/** The plan within each budget of the slider, in one pass over the frontier; choices are candidates. */
function* stepsOf(
  frontier: Frontier,
  own: number,
  shares: readonly WeightShare[],
): Generator<BudgetStep> {
  const { points, start } = frontier;
  const choices = [...start];
  let done = 0;
  const least = points[0]?.bits ?? 0;
  for (const budget of budgetsBetween(least, points.at(-1)?.bits ?? least, own, shares)) {
    const position = pointWithin(frontier, budget) ?? 0;
    for (; done < position; done += 1) {
      for (const [group, candidate] of points[done + 1]?.changes ?? []) choices[group] = candidate;
    }
    const { bits = 0, score = 0 } = points[position] ?? {};
    yield { budget, bits, score, choices: [...choices] };
  }
}

/**
 * What requests for both ends and for the multiples between them come to, and the run's own budget: bits over
 * all layers. So the step at 6.0 has the plan of a run that asks for 6.0.
 */
function budgetsBetween(
  least: number,
  most: number,
  own: number,
  shares: readonly WeightShare[],
): readonly number[] {
  const per = Math.round(1 / BETWEEN);
  // Without the last digits, which come from averaging: four bits are 4 and not 4.0000000001.
  const [low = 0, high = 0] = [least, most].map((bits) =>
    Number(enabledBits(shares, bits).toFixed(9)),
  );
  const requests = [low, high];
  for (let step = Math.ceil(low * per); step / per < high; step += 1) requests.push(step / per);
  const budgets = new Set(requests.map((bits) => Math.max(least, adjustedBits(shares, bits))));
  if (own > least) budgets.add(own);
  return [...budgets].toSorted((a, b) => a - b);
}
