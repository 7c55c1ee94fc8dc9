import { UNQUANTIZED } from "../formats/label.ts";
import { ok, type Analysed } from "../result/result.ts";
import type { BitProblem } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import { failed } from "../result/result.ts";
import { heuristicImportance } from "./heuristic.ts";
import {
  ALONE,
  aloneName,
  planName,
  uniformName,
  type NamedPlan,
  type PlanKind,
} from "./plan-document.ts";
import { invertedProfiles, shuffledProfiles, weightedMeanProfile } from "./profiles.ts";
import { Random } from "./random.ts";

/** Which plans are asked for. */
export interface PlanSet {
  /** Average bits a weight over the layers that may be quantized. */
  readonly budgets: readonly number[];
  readonly randomPlans: number;
  readonly seed: number;
}

export interface MadePlan extends NamedPlan {
  readonly kind: PlanKind;
  readonly budget: number | null;
}

/**
 * The solver's plan for each budget and its controls, by kind and rising budget. All but uniform ones are
 * solved exactly under the same budget: none is above it, and each is as near as candidates and its own
 * scores allow. How each kind is made: docs/measured-quality.md.
 *
 * @param problem groups that may be quantized, each with all candidates; scores of the judged engine
 * @param weightError the same problem with scores of `weight_error`, where it can score all candidates
 */
export function makePlans(
  problem: BitProblem,
  weightError: BitProblem | null,
  { budgets, randomPlans, seed }: PlanSet,
): Analysed<readonly MadePlan[]> {
  const searched: readonly (readonly [PlanKind, string, BitProblem])[] = [
    ["solver", "solver", problem],
    ["inverted", "inverted", invertedProfiles(problem)],
    ["heuristic", "heuristic", weightedMeanProfile(problem, heuristicImportance(problem))],
    ...(weightError === null ? [] : [["weight_error", "weight_error", weightError] as const]),
    ...Array.from({ length: randomPlans }, (_, n) => {
      const shuffled = shuffledProfiles(problem, new Random(seed, n + 1));
      return ["random", `random_${n + 1}`, shuffled] as const;
    }),
  ];
  const plans: MadePlan[] = [];
  for (const [kind, word, of] of searched) {
    for (const budget of budgets.toSorted((a, b) => a - b)) {
      const solved = solveBitPlan(of, budget);
      if (!solved.ok) return solved;
      const { choices, satisfied, bits } = solved.value;
      if (!satisfied) {
        return failed(
          "budget_unmet",
          String(budget),
          `A budget of ${budget} bits a weight cannot be met: the smallest plan has ${bits.minimum}. Name larger budgets, or a smaller candidate.`,
        );
      }
      const formats = choices.map(({ candidate }) => candidate.format);
      plans.push({ name: planName(word, budget), kind, budget, formats });
    }
  }
  const uniform = candidatesOf(problem).map((candidate): MadePlan => ({
    name: uniformName(candidate),
    kind: "uniform",
    budget: null,
    formats: problem.groups.map(() => candidate),
  }));
  return ok([...plans, ...uniform]);
}

/** Every group quantized alone, once by each candidate: the plans of the document `alone`. */
export const alonePlans = (problem: BitProblem): readonly NamedPlan[] =>
  problem.groups.flatMap(({ name }, g) =>
    candidatesOf(problem).map((candidate) => ({
      name: aloneName(name, candidate),
      formats: problem.groups.map((_, other) => (other === g ? candidate : UNQUANTIZED)),
    })),
  );

/** Names of all plan documents that a set asks for; every candidate has its uniform plan. */
export const documentNames = (
  { budgets, randomPlans }: Omit<PlanSet, "seed">,
  candidates: readonly string[],
  hasWeightError: boolean,
): readonly string[] => [
  ...[
    "solver",
    "inverted",
    "heuristic",
    ...(hasWeightError ? ["weight_error"] : []),
    ...Array.from({ length: randomPlans }, (_, n) => `random_${n + 1}`),
  ].flatMap((word) => budgets.toSorted((a, b) => a - b).map((budget) => planName(word, budget))),
  ...candidates.map(uniformName),
  ALONE,
];

const candidatesOf = ({ groups }: BitProblem): readonly string[] =>
  (groups[0]?.candidates ?? [])
    .map(({ format }) => format)
    .filter((format) => format !== UNQUANTIZED);
