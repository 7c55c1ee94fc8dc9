import { UNQUANTIZED } from "../formats/label.ts";
import { effectiveBits } from "../formats/cost.ts";
import { heuristicImportance } from "../quality/heuristic.ts";
import { planName, uniformName } from "../quality/plan-document.ts";
import { invertedProfiles, shuffledProfiles, weightedMeanProfile } from "../quality/profiles.ts";
import { Random } from "../quality/random.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { BitProblem } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import type { ComparedPlan } from "./comparison.ts";
import type { Opinion } from "./opinions.ts";

export interface EnginePlanSet {
  readonly budgets: readonly number[];
  readonly randomPlans: number;
  readonly seed: number;
}

export interface MadeComparedPlan extends ComparedPlan {
  /** A format for each group, in the order of the opinions' groups. */
  readonly formats: readonly string[];
}

/** Name of an engine's plans on a draw, without their budget. */
export const opinionWord = (engine: string, draw: string): string => `${engine}_${draw}`;

/** KL of the model with one group quantized, by group and candidate; it is measured, not predicted. */
export type MeasuredAlone = (group: string, candidate: string) => Analysed<number>;

/**
 * Plans of all opinions and their controls, each solved exactly under the same budgets. Controls take the profiles of
 * the first opinion, as the controls of a frontier take those of its scores (docs/measured-quality.md); `alone` takes
 * measured divergences for scores.
 */
export function enginePlans(
  opinions: readonly Opinion[],
  alone: MeasuredAlone,
  { budgets, randomPlans, seed }: EnginePlanSet,
): Analysed<readonly MadeComparedPlan[]> {
  const [first] = opinions;
  if (first === undefined) return ok([]);
  const { problem } = first;
  const measured = withScores(problem, alone);
  if (!measured.ok) return measured;
  const none = { engine: null, draw: null };
  const solved: (readonly [Pick<ComparedPlan, "kind" | "engine" | "draw">, string, BitProblem])[] =
    [
      ...opinions.map(
        ({ engine, draw, problem: own }) =>
          [{ kind: "engine", engine, draw }, opinionWord(engine, draw), own] as const,
      ),
      [{ kind: "alone", ...none }, "alone", measured.value],
      [{ kind: "inverted", ...none }, "inverted", invertedProfiles(problem)],
      [
        { kind: "heuristic", ...none },
        "heuristic",
        weightedMeanProfile(problem, heuristicImportance(problem)),
      ],
      ...Array.from({ length: randomPlans }, (_, n) => {
        const shuffled = shuffledProfiles(problem, new Random(seed, n + 1));
        return [{ kind: "random", ...none }, `random_${n + 1}`, shuffled] as const;
      }),
    ];
  const plans: MadeComparedPlan[] = [];
  for (const [head, word, of] of solved) {
    for (const budget of budgets) {
      const plan = solveBitPlan(of, budget);
      if (!plan.ok) return plan;
      const { choices, satisfied, bits } = plan.value;
      if (!satisfied) {
        return failed(
          "budget_unmet",
          String(budget),
          `A budget of ${budget} bits a weight cannot be met: the smallest plan has ${bits.minimum}. Name larger budgets in conf/engine_comparison, or a smaller candidate.`,
        );
      }
      const formats = choices.map(({ candidate }) => candidate.format);
      if (formats.every((format) => format === UNQUANTIZED)) {
        return failed(
          "no_divergence",
          String(budget),
          `A budget of ${budget} bits a weight quantizes nothing, so that no plan of it can be judged. Name smaller budgets in conf/engine_comparison.`,
        );
      }
      plans.push({
        ...head,
        name: planName(word, budget),
        budget,
        bits: bitsOf(problem, formats),
        formats,
      });
    }
  }
  const candidates = (problem.groups[0]?.candidates ?? [])
    .map(({ format }) => format)
    .filter((format) => format !== UNQUANTIZED);
  const uniform = candidates.map((candidate): MadeComparedPlan => {
    const formats = problem.groups.map(() => candidate);
    const bits = bitsOf(problem, formats);
    return { kind: "uniform", ...none, name: uniformName(candidate), budget: null, bits, formats };
  });
  return ok([...plans, ...uniform]);
}

/** Names of all plans that are measured, in the order in which they are made. */
export const enginePlanNames = (
  opinions: readonly { readonly engine: string; readonly draw: string }[],
  { budgets, randomPlans }: Omit<EnginePlanSet, "seed">,
  candidates: readonly string[],
): readonly string[] => [
  ...[
    ...opinions.map(({ engine, draw }) => opinionWord(engine, draw)),
    ...["alone", "inverted", "heuristic"],
    ...Array.from({ length: randomPlans }, (_, n) => `random_${n + 1}`),
  ].flatMap((word) => budgets.map((budget) => planName(word, budget))),
  ...candidates.map(uniformName),
];

function withScores({ groups }: BitProblem, alone: MeasuredAlone): Analysed<BitProblem> {
  const measured: BitProblem["groups"][number][] = [];
  for (const group of groups) {
    const candidates: (typeof group.candidates)[number][] = [];
    for (const candidate of group.candidates) {
      const kl = alone(group.name, candidate.format);
      if (!kl.ok) return kl;
      candidates.push({ ...candidate, score: kl.value });
    }
    measured.push({ ...group, candidates });
  }
  return ok({ groups: measured });
}

function bitsOf({ groups }: BitProblem, formats: readonly string[]): number {
  let [cost, weights] = [0, 0];
  for (const [g, group] of groups.entries()) {
    cost += group.candidates.find(({ format }) => format === formats[g])?.cost ?? NaN;
    weights += group.weights;
  }
  return effectiveBits(cost, weights);
}
