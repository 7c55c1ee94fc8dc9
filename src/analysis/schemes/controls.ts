import { effectiveBits } from "../formats/cost.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { planDocumentJson, uniformName } from "../quality/plan-document.ts";
import type { MadePlan } from "../quality/make-plans.ts";
import { invertedProfiles, shuffledProfiles } from "../quality/profiles.ts";
import { Random } from "../quality/random.ts";
import type { BitProblem } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import type { SearchStart } from "./scheme.ts";

/** How many random plans a scheme is judged against, and from which chance they come. */
export interface ControlSet {
  readonly randomPlans: number;
  readonly seed: number;
  /** The scheme's, each of which has a uniform plan: the groups whose shapes allow it have it. */
  readonly candidates: readonly string[];
}

/** Name of the scheme's own plan among the documents that are measured. */
export const SCHEME_PLAN = "scheme";

/**
 * Name of the one plan in every document of a scheme. Its file says which plan it is; in the document the name would
 * only make equal plans differ.
 */
export const ONE_PLAN = "plan";

/**
 * Plans of a scheme's size that know nothing of the scores: `random_1` and so on, `inverted`, and every candidate
 * everywhere. Random and inverted plans are solved exactly under the scheme's size, as those of a frontier are
 * (docs/measured-quality.md), so none is larger than the scheme.
 *
 * @param problem groups that may be quantized; a group may lack candidates that cannot be exported for its shape
 * @param bits average stored bits a weight of the scheme's plan over these groups
 */
export function schemeControls(
  problem: BitProblem,
  bits: number,
  { randomPlans, seed, candidates }: ControlSet,
): Analysed<readonly MadePlan[]> {
  const searched: readonly (readonly [MadePlan["kind"], string, BitProblem])[] = [
    ...Array.from({ length: randomPlans }, (_, n) => {
      const shuffled = shuffledProfiles(problem, new Random(seed, n + 1));
      return ["random", `random_${n + 1}`, shuffled] as const;
    }),
    ["inverted", "inverted", invertedProfiles(problem)],
  ];
  const plans: MadePlan[] = [];
  for (const [kind, name, of] of searched) {
    const solved = solveBitPlan(of, bits);
    if (!solved.ok) return solved;
    if (!solved.value.satisfied) {
      return failed(
        "budget_unmet",
        name,
        `No control of ${bits} bits a weight can be made: the smallest plan has ${solved.value.bits.minimum}. The scheme's size was not worked out over the same groups and candidates.`,
      );
    }
    const formats = solved.value.choices.map(({ candidate }) => candidate.format);
    plans.push({ name, kind, budget: bits, formats });
  }
  const uniform = candidates.map((candidate): MadePlan => ({
    name: uniformName(candidate),
    kind: "uniform",
    budget: null,
    formats: problem.groups.map(({ candidates: here }) =>
      here.some(({ format }) => format === candidate) ? candidate : UNQUANTIZED,
    ),
  }));
  return ok([...plans, ...uniform]);
}

/** Names of the plans that `schemeControls` makes, which a rule has to declare before there are scores. */
export const controlNames = ({
  randomPlans,
  candidates,
}: Omit<ControlSet, "seed">): readonly string[] => [
  ...Array.from({ length: randomPlans }, (_, n) => `random_${n + 1}`),
  "inverted",
  ...candidates.map(uniformName),
];

/** Name of the plan of an exact solver that stands beside a plan that was found by measurement. */
export const startName = (start: SearchStart): string => `start_${start}`;

/** The document of one plan, as the op `plan_quality` and the exports take it. */
export const schemePlanDocument = (
  { groups }: BitProblem,
  { formats }: Pick<MadePlan, "formats">,
): string => planDocumentJson({ groups, plans: [{ name: ONE_PLAN, formats }] });

/** Average stored bits a weight of a plan, over the groups of the problem. */
export function planBits({ groups }: BitProblem, { formats }: Pick<MadePlan, "formats">): number {
  let [cost, weights] = [0, 0];
  for (const [g, group] of groups.entries()) {
    cost += group.candidates.find(({ format }) => format === formats[g])?.cost ?? NaN;
    weights += group.weights;
  }
  return effectiveBits(cost, weights);
}
