import type { Candidate, BitProblem, ChoiceGroup } from "../../src/analysis/solve/problem.ts";
import { countedBits } from "../../src/analysis/bit-plan/plan-candidates.ts";
import { pair } from "./configs.ts";

/** The layer groups of the tiny Qwen3-VL, by their modules, with their numbers of weights. */
const LM = "model.language_model.layers";
export const TINY_GROUPS: readonly (readonly [modules: readonly string[], weights: number])[] = [
  [["model.visual.patch_embed.proj"], 3072],
  [["model.visual.blocks.0.attn.qkv"], 3072],
  [["model.visual.merger.linear_fc1"], 16384],
  ...[0, 1].flatMap((layer): (readonly [readonly string[], number])[] => [
    [["q", "k", "v"].map((name) => `${LM}.${layer}.self_attn.${name}_proj`), 8192],
    [[`${LM}.${layer}.self_attn.o_proj`], 4096],
    [["gate", "up"].map((name) => `${LM}.${layer}.mlp.${name}_proj`), 16384],
    [[`${LM}.${layer}.mlp.down_proj`], 8192],
  ]),
  [["lm_head"], 24320],
];

/** Numbers in [0, 1) that are the same in every run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

/** A problem of these groups with made-up scores, over pairs of the repository. */
export function problemOfPairs(
  groups: typeof TINY_GROUPS,
  pairs: readonly string[],
  seed: number,
  count: "charged" | "stored" = "charged",
): BitProblem {
  const next = random(seed);
  return {
    groups: groups.map(([modules, weights]): ChoiceGroup => {
      const sensitivity = Math.exp(4 * next() - 2);
      const candidates = pairs.map((name): Candidate => {
        const bits = countedBits(pair(name).quantizers, count);
        const score = Number((sensitivity * (0.2 + next()) * 2 ** (6 - bits)).toPrecision(6));
        return { format: name, bits, cost: (weights * bits) / 16, score };
      });
      const none = { format: "NONE", bits: 16, cost: weights, score: 0 };
      return {
        name: modules[0] ?? "",
        modules,
        weights,
        candidates: [...candidates, none],
      };
    }),
  };
}
