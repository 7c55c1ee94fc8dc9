import { layerKey } from "../compare/layer-key.ts";
import { UNQUANTIZED, UNQUANTIZED_BITS } from "../formats/label.ts";
import { weightCost } from "../formats/cost.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { ScoreGroup, Scores } from "../scores/scores.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";

/** A format that plans may choose, under the name that plans and reports use. */
export interface SharedCandidate {
  readonly name: string;
  /** Stored bits of a weight, block scales included. */
  readonly bits: number;
}

/** What one engine says of one draw of calibration data. */
export interface OpinionSource {
  readonly engine: string;
  /** `calibration`: the subset that all analyses use; else another draw of as many samples. */
  readonly draw: string;
  /** A score document for each shared candidate, in their order. */
  readonly scores: readonly Scores[];
}

export interface Opinion extends Omit<OpinionSource, "scores"> {
  readonly method: string;
  /** Groups that may be quantized, with the names and in the order of the first opinion. */
  readonly problem: BitProblem;
  /** Groups whose score is exactly 0 for every candidate. */
  readonly zeros: number;
  readonly scored: { readonly samples: number | null; readonly tokens: number | null };
}

/**
 * Opinions over one list of layer groups. Engines name the same layer differently (`model.` in front, `.module`
 * behind), so groups are matched by `layerKey` of their first member, and have to have the same number of weights.
 * What only one engine may quantize cannot be compared: the list is refused then, not shortened, since a shorter
 * one would compare other plans than those that people use.
 */
export function alignedOpinions(
  candidates: readonly SharedCandidate[],
  sources: readonly OpinionSource[],
): Analysed<readonly Opinion[]> {
  const [first] = sources;
  const groups = first?.scores[0]?.groups.filter(({ enabled }) => enabled) ?? [];
  if (first === undefined || groups.length === 0) {
    return failed(
      "wrong_structure",
      "",
      "There are no scores to compare. Name engines and candidates in conf/engine_comparison.",
    );
  }
  const opinions: Opinion[] = [];
  for (const source of sources) {
    const byCandidate: (readonly ScoreGroup[])[] = [];
    for (const scores of source.scores) {
      const aligned = alignedGroups(groups, scores, `${source.engine} (${source.draw})`);
      if (!aligned.ok) return aligned;
      byCandidate.push(aligned.value);
    }
    const problem = {
      groups: groups.map((group, g) => choicesOf(group, g, candidates, byCandidate)),
    };
    const zeros = groups.filter((_, g) => byCandidate.every((of) => of[g]?.score === 0)).length;
    const method = source.scores[0]?.method ?? "";
    const { scoreSamples: samples = null, scoreTokens: tokens = null } =
      source.scores[0]?.measured ?? {};
    const scored = { samples, tokens };
    opinions.push({ engine: source.engine, draw: source.draw, method, problem, zeros, scored });
  }
  return ok(opinions);
}

/** An engine's groups in the order of the first engine's. */
function alignedGroups(
  groups: readonly ScoreGroup[],
  scores: Scores,
  who: string,
): Analysed<readonly ScoreGroup[]> {
  const own = scores.groups.filter(({ enabled }) => enabled);
  const byKey = new Map(own.map((group) => [layerKey(group.name), group]));
  const aligned: ScoreGroup[] = [];
  for (const group of groups) {
    const same = byKey.get(layerKey(group.name));
    if (same?.weights !== group.weights) {
      const what =
        same === undefined
          ? `The scores of ${who} have no layer group ${group.name}`
          : `${group.name} has ${group.weights} weights, and by ${who} ${same.weights}`;
      return failed(
        "groups_differ",
        group.name,
        `${what}. Score the same checkpoint, scope and choice of lm_head with every engine.`,
      );
    }
    aligned.push(same);
  }
  const more = own.find(
    ({ name }) => !groups.some((group) => layerKey(group.name) === layerKey(name)),
  );
  if (more !== undefined) {
    return failed(
      "groups_differ",
      more.name,
      `${who} scores ${more.name}, which the first engine does not. Score the same scope and choice of lm_head with every engine.`,
    );
  }
  return ok(aligned);
}

const choicesOf = (
  { name, modules, weights }: ScoreGroup,
  g: number,
  candidates: readonly SharedCandidate[],
  byCandidate: readonly (readonly ScoreGroup[])[],
): ChoiceGroup => ({
  name,
  modules,
  weights,
  candidates: [
    ...candidates.map(({ name: format, bits }, c) => ({
      format,
      bits,
      cost: weightCost(weights, bits),
      score: byCandidate[c]?.[g]?.score ?? NaN,
    })),
    {
      format: UNQUANTIZED,
      bits: UNQUANTIZED_BITS,
      cost: weightCost(weights, UNQUANTIZED_BITS),
      score: 0,
    },
  ],
});
