import { weightCost } from "../formats/cost.ts";
import { UNQUANTIZED, UNQUANTIZED_BITS } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { ScoreGroup, Scores } from "../scores/scores.ts";
import type { BitProblem, Candidate } from "./problem.ts";

/**
 * The search over the scores of one or more formats of one model: every enabled
 * group may take any of the formats (in the order given) or stay unquantized
 * (listed last, score 0); the others stay unquantized.
 */
export function problemFromScores(scores: readonly [Scores, ...Scores[]]): Analysed<BitProblem> {
  const [first, ...others] = scores;
  for (const other of others) {
    const differing = first.groups.find((group, g) => !sameGroup(group, other.groups[g]));
    if (differing !== undefined || first.groups.length !== other.groups.length) {
      const where = differing?.name ?? "";
      return failed(
        "groups_differ",
        where,
        `The scores of ${first.format.name} and ${other.format.name} do not cover the same layer groups${where && ` (first difference: ${where})`}. Measure both on the same model and scope.`,
      );
    }
  }
  const groups = first.groups.map(({ name, modules, weights, enabled }, g) => {
    const candidates = enabled ? scores.map((of) => candidateOf(of, weights, g)) : [];
    return { name, modules, weights, candidates: [...candidates, unquantized(weights)] };
  });
  return ok({ groups });
}

function sameGroup(a: ScoreGroup, b: ScoreGroup | undefined): boolean {
  return a.name === b?.name && a.weights === b.weights && a.enabled === b.enabled;
}

function candidateOf({ format, groups }: Scores, weights: number, g: number): Candidate {
  const { name, bits } = format;
  return { format: name, bits, cost: weightCost(weights, bits), score: groups[g]?.score ?? 0 };
}

function unquantized(weights: number): Candidate {
  const cost = weightCost(weights, UNQUANTIZED_BITS);
  return { format: UNQUANTIZED, bits: UNQUANTIZED_BITS, cost, score: 0 };
}
