import { effectiveBits } from "../formats/cost.ts";
import { failed, ok, type AnalysisFailure, type Analysed } from "../result/result.ts";
import { byteText, sizeText } from "../quality-report/figure-text.ts";
import { startName } from "../schemes/controls.ts";
import type { SchemeRequest } from "../schemes/choose-scheme.ts";
import type { Goal, Searched, SearchedPlan, SearchStart } from "../schemes/scheme.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import { goalText, isAtLeast } from "./goal.ts";
import { keptBound, plainFigure } from "./goal-figure.ts";
import type { SearchProblem } from "./search-problem.ts";
import type { MeasuredFormats, MeasuredSearch } from "./search-result.ts";
import { costOf, problemOf, unitsPerCost } from "./weighed-groups.ts";

/** A plan that was found by measurement, as a scheme takes it. */
export type FoundPlan = NonNullable<SchemeRequest["searched"]>;

/** The size of a plan in words of people. */
export type BitsOf = (formats: ReadonlyMap<string, string>) => number;

/**
 * What the search found, held against the problem that it was given. A goal that no measured plan keeps is the failure
 * `goal_unmet`, with the best of them.
 *
 * @param starts that the scheme asks for
 * @param bitsOf stored bits a weight of a plan, by the groups' names
 */
export function foundPlan(
  problem: SearchProblem,
  result: MeasuredSearch,
  starts: readonly SearchStart[],
  bitsOf: BitsOf,
): Analysed<FoundPlan> {
  const differing = differenceOf(problem, result);
  if (differing !== undefined) {
    const what = `The search was given another problem: its ${differing} differ`;
    return failed("groups_differ", "search.json", `${what}. Build it again.`);
  }
  const { found, goal } = result;
  const formats = new Map(problem.groups.map(({ name }, g) => [name, found.formats[g] ?? ""]));
  if (goal !== null && found.met !== true) {
    return { ok: false, error: goalUnmet(goal, found, problem, bitsOf(formats)) };
  }
  const began = result.starts.find(({ name }) => name === result.began);
  if (began === undefined) {
    const what = `The search says that it began at ${result.began ?? "no plan"}, and did not measure it`;
    return failed("figures_disagree", "search.json", `${what}. Build it again.`);
  }
  const how: Searched = {
    figure: goal?.figure ?? "kl",
    goal,
    met: found.met,
    settings: { ...result.settings, starts },
    measured: result.measured,
    exhausted: result.exhausted,
    moves: result.moves,
    began: withoutFormats(began.name, began),
    found: withoutFormats("found", found),
  };
  return ok({ formats, how });
}

const withoutFormats = (
  name: string,
  { cost, search, confirm }: MeasuredFormats,
): SearchedPlan => ({ name, cost, search, confirm });

/** What does not fit; costs and limits are compared up to rounding. */
function differenceOf(problem: SearchProblem, result: MeasuredSearch): string | undefined {
  const near = (a: number, b: number): boolean =>
    Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
  const names = problem.groups.map(({ name }) => name);
  if (names.join(" ") !== result.groups.join(" ")) return "layer groups";
  if (problem.unit !== result.unit) return "units";
  if (JSON.stringify(problem.goal) !== JSON.stringify(result.goal)) return "goals";
  const { limit } = problem;
  if ((limit === null) !== (result.limit === null) || !near(limit ?? 0, result.limit ?? 0))
    return "limits";
  if (!near(costOf(problem, result.found.formats), result.found.cost)) return "costs";
  return undefined;
}

function goalUnmet(
  goal: Goal,
  { cost, confirm }: MeasuredFormats,
  { fixedBytes }: SearchProblem,
  bits: number,
): AnalysisFailure {
  const { value, low, high } = confirm;
  const [middle, from, to] = [value, low, high].map((of) =>
    plainFigure({ figure: goal.figure, goal }, of),
  );
  const measured = `${middle} (${from} to ${to})`;
  const size = `${sizeText(bits)} bits, ${byteText(fixedBytes + cost)}`;
  const ask = isAtLeast(goal.figure)
    ? `at most ${keptBound(goal.figure, low)}`
    : `at least ${keptBound(goal.figure, high)}`;
  const message = `The goal ${goalText(goal)} cannot be met: the best measured is ${measured}, at ${size}. Ask for ${ask}, or add a larger candidate.`;
  return failed("goal_unmet", "choice.goal", message).error;
}

/**
 * What exact solvers give, to be measured beside the found plan: the starts within a limit; with a goal, the plans by
 * the same scores that are no larger than the found one.
 */
export function startPlans(
  problem: SearchProblem,
  starts: readonly SearchStart[],
  foundCost: number,
): Analysed<readonly { readonly name: string; readonly formats: readonly string[] }[]> {
  if (problem.goal === null)
    return ok(problem.starts.map(({ name, formats }) => ({ name: startName(name), formats })));
  const weights = problem.groups.reduce((sum, group) => sum + group.weights, 0);
  const bits = effectiveBits(foundCost / unitsPerCost(problem.unit), weights);
  const plans: { readonly name: string; readonly formats: readonly string[] }[] = [];
  for (const start of starts) {
    const solved = solveBitPlan(problemOf(problem, start), bits);
    if (!solved.ok) return solved;
    const formats = solved.value.choices.map(({ candidate }) => candidate.format);
    plans.push({ name: startName(start), formats });
  }
  return ok(plans);
}
