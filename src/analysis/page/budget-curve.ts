import { UNQUANTIZED } from "../formats/label.ts";
import { succeed, type Outcome } from "../outcome.ts";
import { problemFromManifest } from "../solve/problem-from-manifest.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import type { PageAnalysis, PageModel } from "./page-model.ts";

/** The best plan for each of many budgets: what the slider of a page goes through. */
export interface BudgetCurve {
  readonly name: string;
  /** What a layer may get; positions in this list are what `choices` holds. */
  readonly options: readonly CurveOption[];
  /** By rising budget, each the exact optimum of its own. */
  readonly steps: readonly BudgetStep[];
  /** The step at the budget that the manifest was made for; 0, the smallest plan, where none meets it. */
  readonly chosen: number;
}

export interface CurveOption {
  readonly name: string;
  readonly bits: number;
  /** Column of its scores; null for layers that stay unquantized. */
  readonly column: number | null;
}

export interface BudgetStep {
  readonly budget: number;
  /** What the plan uses of it. */
  readonly bits: number;
  readonly score: number;
  /** By layer. */
  readonly choices: readonly number[];
}

/** Between two budgets of the slider, in bits per weight. */
const BETWEEN = 0.05;

/**
 * One curve for each analysis, then one in which every layer may have any of their formats; that one only
 * where all scores are sums over the same samples, since others cannot be added up.
 */
export function budgetCurves(
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
  model: PageModel,
): Outcome<readonly BudgetCurve[]> {
  const problems = analyses.map(({ manifest }) => problemFromManifest(manifest));
  const curves: BudgetCurve[] = [];
  for (const [index, { name, manifest }] of analyses.entries()) {
    const curve = curveOf(name, problems[index] ?? { groups: [] }, model, manifest.budgetBits, [
      name,
    ]);
    if (!curve.ok) return curve;
    curves.push(curve.value);
  }
  if (analyses.length > 1 && sameSums(analyses)) {
    const names = analyses.map(({ name }) => name);
    const budget = analyses[0].manifest.budgetBits;
    const curve = curveOf("all pairs", together(problems, names), model, budget, names);
    if (!curve.ok) return curve;
    curves.unshift(curve.value);
  }
  return succeed(curves);
}

/** Whether scores may be added up: the same method, over the same samples. */
export function sameSums(analyses: readonly [PageAnalysis, ...PageAnalysis[]]): boolean {
  const basis = ({ manifest: { method, measured } }: PageAnalysis): string | null =>
    measured === undefined ? null : JSON.stringify([method, measured.samples, measured.tokens]);
  const first = basis(analyses[0]);
  return first !== null && analyses.every((analysis) => basis(analysis) === first);
}

/** Every layer may have any format of any analysis; formats are named with their analysis. */
function together(problems: readonly BitProblem[], names: readonly string[]): BitProblem {
  const [first] = problems;
  const groups = (first?.groups ?? []).map(({ handle, weights }, g): ChoiceGroup => {
    const all = problems.flatMap((problem, p) =>
      (problem.groups[g]?.candidates ?? []).map((candidate) => ({
        candidate,
        name: names[p] ?? "",
      })),
    );
    const quantized = all.flatMap(({ candidate, name }) =>
      candidate.format === UNQUANTIZED
        ? []
        : [{ ...candidate, format: `${name} ${candidate.format}` }],
    );
    const plain = all.find(({ candidate }) => candidate.format === UNQUANTIZED)?.candidate;
    return { handle, weights, candidates: plain === undefined ? quantized : [...quantized, plain] };
  });
  return { groups };
}

function curveOf(
  name: string,
  problem: BitProblem,
  model: PageModel,
  budget: number,
  analyses: readonly string[],
): Outcome<BudgetCurve> {
  const several = analyses.length > 1;
  const options: CurveOption[] = model.columns.flatMap((column, index) =>
    analyses.some(
      (analysis) => column.name === analysis || column.name === `${analysis} ${column.format}`,
    )
      ? [{ name: column.name, bits: column.bits, column: index }]
      : [],
  );
  options.push({ name: "16 bits", bits: 16, column: null });
  const optionOf = (format: string, bits: number): number => {
    if (format === UNQUANTIZED) return options.length - 1;
    const found = options.findIndex(({ column }) => {
      const of = column === null ? undefined : model.columns[column];
      const said = several ? `${of?.name ?? ""} ${of?.format ?? ""}` : of?.format;
      return said === format && of?.bits === bits;
    });
    return found < 0 ? options.length - 1 : found;
  };
  const steps: BudgetStep[] = [];
  for (const at of budgetsOf(problem, budget)) {
    const solved = solveBitPlan(problem, at);
    if (!solved.ok) return solved;
    const { bits, score, choices, satisfied } = solved.value;
    if (!satisfied && steps.length > 0) continue;
    steps.push({
      budget: satisfied ? at : bits.minimum,
      bits: bits.achieved,
      score,
      choices: choices.map(({ candidate }) => optionOf(candidate.format, candidate.bits)),
    });
  }
  const chosen = steps.findIndex((step) => step.budget === budget);
  return succeed({ name, options, steps, chosen: Math.max(0, chosen) });
}

/** From the least that can be met to where every layer has its dearest format, and the run's own. */
function budgetsOf({ groups }: BitProblem, own: number): readonly number[] {
  const weights = groups.reduce((sum, group) => sum + group.weights, 0);
  const bitsOf = (pick: (...costs: number[]) => number): number =>
    (groups.reduce((sum, { candidates }) => sum + pick(...candidates.map(({ cost }) => cost)), 0) *
      16) /
    weights;
  const [least, most] = [bitsOf(Math.min), bitsOf(Math.max)];
  const budgets = new Set([least, most]);
  const per = Math.round(1 / BETWEEN);
  for (let step = Math.ceil(least * per); step / per < most; step += 1) budgets.add(step / per);
  if (own > least && own < most) budgets.add(own);
  return [...budgets].toSorted((a, b) => a - b);
}
