import { effectiveBits } from "../formats/cost.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { placeOf } from "../groups/layer-place.ts";
import type { Scores } from "../scores/scores.ts";
import type { BitProblem } from "../solve/problem.ts";
import type { MadePlan } from "./make-plans.ts";
import { wholeModelBits } from "./whole-model.ts";
import type { Overview } from "./overview.ts";

/** The groups that may be quantized: budgets of measured plans count these alone. */
export const searchable = ({ groups }: BitProblem): BitProblem => ({
  groups: groups.filter(({ candidates }) => candidates.length > 1),
});

/**
 * Sizes and predicted scores of plans.
 *
 * @param judged all groups, those that stay at 16 bits included, and what measured their scores
 * @param plans formats in the order of the groups that may be quantized
 */
export function overviewOf(
  { all, scores }: { readonly all: BitProblem; readonly scores: Scores },
  leftOut: Overview["left_out"],
  plans: readonly MadePlan[],
): Overview {
  const problem = searchable(all);
  const names = new Set(all.groups.map(({ name }) => name));
  const sizes = {
    quantizable: { groups: problem.groups.length, weights: weightsOf(problem) },
    whole_model: { weights: weightsOf(all) },
  };
  const candidates = (problem.groups[0]?.candidates ?? []).filter(
    ({ format }) => format !== UNQUANTIZED,
  );
  return {
    scope: scores.scope,
    scores: { engine: scores.engine, method: scores.method },
    left_out: leftOut,
    candidates: candidates.map(({ format, bits }) => ({ name: format, bits })),
    ...sizes,
    groups: problem.groups.map(({ name, weights, candidates: of }) => {
      const { kind, tower } = placeOf(name, names);
      const predicted = of.filter(({ format }) => format !== UNQUANTIZED).map(({ score }) => score);
      return { name, kind, tower, weights, predicted };
    }),
    plans: plans.map(({ name, kind, budget, formats }) => {
      const counts: Record<string, number> = {};
      let [cost, predicted] = [0, 0];
      for (const [g, group] of problem.groups.entries()) {
        const format = formats[g] ?? UNQUANTIZED;
        const chosen = group.candidates.find((candidate) => candidate.format === format);
        cost += chosen?.cost ?? NaN;
        predicted += chosen?.score ?? NaN;
        counts[format] = (counts[format] ?? 0) + 1;
      }
      const bits = effectiveBits(cost, sizes.quantizable.weights);
      const whole_model_bits = wholeModelBits(sizes, bits);
      return { name, kind, budget, bits, whole_model_bits, predicted, formats: counts };
    }),
  };
}

const weightsOf = ({ groups }: BitProblem): number =>
  groups.reduce((sum, { weights }) => sum + weights, 0);
