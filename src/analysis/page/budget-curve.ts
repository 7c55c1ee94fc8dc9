import { UNQUANTIZED } from "../formats/label.ts";
import { succeed, type Outcome } from "../outcome/outcome.ts";
import { pointWithin, solveFrontier, type Frontier } from "../solve/frontier.ts";
import { problemFromManifest } from "../manifest/problem-from-manifest.ts";
import type { BitProblem, Candidate, ChoiceGroup } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import type { PageAnalysis, PageModel } from "./page-model.ts";
import type { BudgetCurve, BudgetStep, CurveOption } from "./shared/curve.ts";

/** Between two budgets of the slider, in bits per weight. */
const BETWEEN = 0.05;

/** Partial plans kept for the first curve: a page is to be made at once, and has few of a frontier's points. */
const EFFORT = 1_500_000;

/** Where corners leave more bits than this unused, and at the run's own budget, that budget is solved alone. */
const MUCH = 0.1;

type Analyses = readonly [PageAnalysis, ...PageAnalysis[]];

/**
 * One curve for each analysis, and before them, where there are several, one in which every layer may have
 * any of their formats; that one only where all scores are sums over the same samples, since others cannot
 * be added up.
 */
export function budgetCurves(
  analyses: Analyses,
  model: PageModel,
): Outcome<readonly BudgetCurve[]> {
  const { budgetBits } = analyses[0].manifest;
  const problems = analyses.map(({ manifest }) => problemFromManifest(manifest));
  const mixed =
    analyses.length > 1 && sameSums(analyses)
      ? [{ name: ALL_PAIRS, budget: budgetBits, problem: together(problems, analyses) }]
      : [];
  const alone = analyses.map(({ name, manifest }, index) => ({
    name,
    budget: manifest.budgetBits,
    problem: problems[index] ?? { groups: [] },
  }));
  const curves: BudgetCurve[] = [];
  for (const { name, budget, problem } of [...mixed, ...alone]) {
    // Many whole frontiers would take seconds; beside the first one the corners of the others do.
    const effort = curves.length === 0 ? EFFORT : 0;
    const curve = curveOf(name, problem, optionsOf(name, model), budget, effort);
    if (!curve.ok) return curve;
    curves.push(curve.value);
  }
  return succeed(curves);
}

export const ALL_PAIRS = "all pairs";

/** Whether scores may be added up: the same method, over the same samples. */
export function sameSums(analyses: Analyses): boolean {
  const basis = ({ manifest: { method, measured } }: PageAnalysis): string | null =>
    measured === undefined ? null : JSON.stringify([method, measured.samples, measured.tokens]);
  const first = basis(analyses[0]);
  return first !== null && analyses.every((analysis) => basis(analysis) === first);
}

/** What tells a candidate of a mixed problem from others of the same format. */
const inMix = (analysis: string, format: string): string => `${analysis} ${format}`;

/** Every layer may have any format of any analysis; none of them has to be listed twice. */
function together(problems: readonly BitProblem[], analyses: Analyses): BitProblem {
  const groups = (problems[0]?.groups ?? []).map(({ name, weights }, g): ChoiceGroup => {
    const quantized = problems.flatMap((problem, p) =>
      (problem.groups[g]?.candidates ?? [])
        .filter(({ format }) => format !== UNQUANTIZED)
        .map((of) => ({ ...of, format: inMix(analyses[p]?.name ?? "", of.format) })),
    );
    const plain = problems[0]?.groups[g]?.candidates.filter(({ format }) => format === UNQUANTIZED);
    return { name, weights, candidates: [...quantized, ...(plain ?? [])] };
  });
  return { groups };
}

interface Named extends CurveOption {
  /** As candidates of the problem are named. */
  readonly format: string;
}

/** Formats of one analysis or of all, then none. */
function optionsOf(curve: string, { columns }: PageModel): readonly Named[] {
  const named = columns.flatMap(({ analysis, name, format, bits }, column) => {
    if (curve === ALL_PAIRS) return [{ name, bits, column, format: inMix(analysis, format) }];
    return curve === analysis ? [{ name, bits, column, format }] : [];
  });
  return [...named, { name: "16 bits", bits: 16, column: null, format: UNQUANTIZED }];
}

function curveOf(
  name: string,
  problem: BitProblem,
  named: readonly Named[],
  own: number,
  effort: number,
): Outcome<BudgetCurve> {
  const frontier = solveFrontier(problem, effort);
  if (!frontier.ok) return frontier;
  const exact = frontier.value.given === "all";
  const option = ({ format, bits }: Candidate): number =>
    named.findIndex((one) => one.format === format && one.bits === bits);
  const steps = [...stepsOf(frontier.value, own)].map(({ choices, ...step }) => ({
    ...step,
    choices: choices.map((candidate, g) => {
      const chosen = problem.groups[g]?.candidates[candidate];
      return chosen === undefined ? named.length - 1 : option(chosen);
    }),
  }));
  if (!exact) {
    for (const [index, { budget, bits }] of steps.entries()) {
      if (budget !== own && budget - bits <= MUCH) continue;
      const solved = solveBitPlan(problem, budget);
      if (!solved.ok) return solved;
      const { bits: used, score, choices, satisfied } = solved.value;
      if (!satisfied) continue;
      const chosen = choices.map(({ candidate }) => option(candidate));
      steps[index] = { budget, bits: used.achieved, score, choices: chosen };
    }
  }
  const chosen = Math.max(
    0,
    steps.findIndex(({ budget }) => budget === own),
  );
  const options = named.map(({ name: called, bits, column }) => ({ name: called, bits, column }));
  return succeed({ name, options, steps, chosen, exact });
}

/** The plan within each budget of the slider, in one pass over the frontier; choices are candidates. */
function* stepsOf(frontier: Frontier, own: number): Generator<BudgetStep> {
  const { points, start } = frontier;
  const choices = [...start];
  let done = 0;
  const least = points[0]?.bits ?? 0;
  for (const budget of budgetsBetween(least, points.at(-1)?.bits ?? least, own)) {
    const position = pointWithin(frontier, budget) ?? 0;
    for (; done < position; done += 1) {
      for (const [group, candidate] of points[done + 1]?.changes ?? []) choices[group] = candidate;
    }
    const { bits = 0, score = 0 } = points[position] ?? {};
    yield { budget, bits, score, choices: [...choices] };
  }
}

/** Both ends, the multiples between them, and the run's own. */
function budgetsBetween(least: number, most: number, own: number): readonly number[] {
  const budgets = new Set([least, most]);
  const per = Math.round(1 / BETWEEN);
  for (let step = Math.ceil(least * per); step / per < most; step += 1) budgets.add(step / per);
  if (own > least) budgets.add(own);
  return [...budgets].toSorted((a, b) => a - b);
}
