import { describe, expect, it } from "vitest";
import { weightCost } from "../../src/analysis/formats/cost.ts";
import { heuristicImportance } from "../../src/analysis/quality/heuristic.ts";
import {
  alonePlans,
  documentNames,
  makePlans,
  type MadePlan,
} from "../../src/analysis/quality/make-plans.ts";
import { planDocumentJson } from "../../src/analysis/quality/plan-document.ts";
import { invertedProfiles, shuffledProfiles } from "../../src/analysis/quality/profiles.ts";
import { Random } from "../../src/analysis/quality/random.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { problemOfPairs, TINY_GROUPS } from "./bit-plan-material.ts";
import { expectFailure, expectValue } from "./figures.ts";

const CANDIDATES = ["wint3_afp16", "wint4_afp16", "wint8_afp16"];
const problem = problemOfPairs(TINY_GROUPS, CANDIDATES, 3, "stored");
const other = problemOfPairs(TINY_GROUPS, CANDIDATES, 4, "stored");
const BUDGETS = [4.5, 3.5, 6];
const set = { budgets: BUDGETS, randomPlans: 8, seed: 42 };
const plans = expectValue(makePlans(problem, other, set));

const bitsOf = ({ groups }: BitProblem, { formats }: Pick<MadePlan, "formats">): number => {
  let [cost, weights] = [0, 0];
  for (const [g, group] of groups.entries()) {
    cost += group.candidates.find(({ format }) => format === formats[g])?.cost ?? NaN;
    weights += group.weights;
  }
  return (cost * 16) / weights;
};

describe("plans to be measured", () => {
  it("are those that the documents' names say, in that order", () => {
    expect([...plans.map(({ name }) => name), "alone"]).toEqual(
      documentNames(set, CANDIDATES, true),
    );
    expect(documentNames(set, CANDIDATES, true)).toHaveLength(12 * 3 + 3 + 1);
  });

  it("are never above their budget, and no group can have its next format within it", () => {
    for (const plan of plans.filter(({ budget }) => budget !== null)) {
      const bits = bitsOf(problem, plan);
      expect(bits, plan.name).toBeLessThanOrEqual((plan.budget ?? 0) + 1e-9);
      // No single step up fits, so that none is smaller than it had to be.
      const room = weightCost(
        problem.groups.reduce((sum, { weights }) => sum + weights, 0),
        (plan.budget ?? 0) - bits,
      );
      const steps = problem.groups.map(({ candidates }, g) => {
        const now = candidates.find(({ format }) => format === plan.formats[g])?.cost ?? NaN;
        return Math.min(...candidates.map(({ cost }) => cost - now).filter((step) => step > 0));
      });
      expect(Math.min(...steps), plan.name).toBeGreaterThan(room);
    }
  });

  it("are the same for the same seed, and others for another one", () => {
    expect(makePlans(problem, other, set)).toEqual({ ok: true, value: plans });
    const reseeded = expectValue(makePlans(problem, other, { ...set, seed: 43 }));
    const changed = reseeded.filter(
      ({ formats }, n) => formats.join() !== plans[n]?.formats.join(),
    );
    expect(new Set(changed.map(({ kind }) => kind))).toEqual(new Set(["random"]));
  });

  it("stay what they are when another budget is added: nothing is measured again", () => {
    const more = expectValue(makePlans(problem, other, { ...set, budgets: [...BUDGETS, 5] }));
    const text = (of: readonly MadePlan[]) =>
      new Map(
        of.map((plan) => [plan.name, planDocumentJson({ groups: problem.groups, plans: [plan] })]),
      );
    const [before, after] = [text(plans), text(more)];
    for (const [name, document] of before) expect(after.get(name)).toBe(document);
    expect(after.size).toBe(before.size + 12);
  });

  it("differ among the random ones, which mix formats as the judged plan does", () => {
    const random = plans.filter(({ kind, budget }) => kind === "random" && budget === 4.5);
    expect(new Set(random.map(({ formats }) => formats.join())).size).toBe(8);
  });

  it("hold no scores and no sizes in their documents", () => {
    const [plan] = plans;
    const text = planDocumentJson({ groups: problem.groups, plans: plan ? [plan] : [] });
    expect(text).toMatchInlineSnapshot(`
      "{
        "schema": 1,
        "groups": [
          {"name":"model.visual.patch_embed.proj","modules":["model.visual.patch_embed.proj"]},
          {"name":"model.visual.blocks.0.attn.qkv","modules":["model.visual.blocks.0.attn.qkv"]},
          {"name":"model.visual.merger.linear_fc1","modules":["model.visual.merger.linear_fc1"]},
          {"name":"model.language_model.layers.0.self_attn.q_proj","modules":["model.language_model.layers.0.self_attn.q_proj","model.language_model.layers.0.self_attn.k_proj","model.language_model.layers.0.self_attn.v_proj"]},
          {"name":"model.language_model.layers.0.self_attn.o_proj","modules":["model.language_model.layers.0.self_attn.o_proj"]},
          {"name":"model.language_model.layers.0.mlp.gate_proj","modules":["model.language_model.layers.0.mlp.gate_proj","model.language_model.layers.0.mlp.up_proj"]},
          {"name":"model.language_model.layers.0.mlp.down_proj","modules":["model.language_model.layers.0.mlp.down_proj"]},
          {"name":"model.language_model.layers.1.self_attn.q_proj","modules":["model.language_model.layers.1.self_attn.q_proj","model.language_model.layers.1.self_attn.k_proj","model.language_model.layers.1.self_attn.v_proj"]},
          {"name":"model.language_model.layers.1.self_attn.o_proj","modules":["model.language_model.layers.1.self_attn.o_proj"]},
          {"name":"model.language_model.layers.1.mlp.gate_proj","modules":["model.language_model.layers.1.mlp.gate_proj","model.language_model.layers.1.mlp.up_proj"]},
          {"name":"model.language_model.layers.1.mlp.down_proj","modules":["model.language_model.layers.1.mlp.down_proj"]},
          {"name":"lm_head","modules":["lm_head"]}
        ],
        "plans": [
          {"name":"solver-3.50","formats":["wint3_afp16","wint4_afp16","wint4_afp16","wint3_afp16","wint4_afp16","wint3_afp16","wint3_afp16","wint3_afp16","wint3_afp16","wint3_afp16","wint3_afp16","wint4_afp16"]}
        ]
      }
      "
    `);
  });

  it("quantize one group at a time in the document of groups alone", () => {
    const alone = alonePlans(problem);
    expect(alone).toHaveLength(TINY_GROUPS.length * CANDIDATES.length);
    for (const { formats } of alone) {
      expect(formats.filter((format) => format !== "NONE")).toHaveLength(1);
    }
  });

  it("are refused for a budget below the smallest plan, which is said", () => {
    const failure = expectFailure(makePlans(problem, null, { ...set, budgets: [2] }));
    expect(failure.reason).toBe("budget_unmet");
    expect(failure.message).toContain(
      "A budget of 2 bits a weight cannot be met: the smallest plan has 3",
    );
  });
});

describe("scores of controls", () => {
  const perWeight = ({ groups }: BitProblem): readonly number[] =>
    groups.map(
      ({ weights, candidates }) => Math.max(...candidates.map(({ score }) => score)) / weights,
    );
  const rounded = (values: readonly number[]): readonly string[] =>
    values.map((value) => value.toPrecision(12)).toSorted();

  it("are those of other groups, a weight, when shuffled", () => {
    const shuffled = shuffledProfiles(problem, new Random(1));
    expect(rounded(perWeight(shuffled))).toEqual(rounded(perWeight(problem)));
    expect(perWeight(shuffled)).not.toEqual(perWeight(problem));
  });

  it("are those of the mirrored rank when inverted", () => {
    const [before, after] = [perWeight(problem), perWeight(invertedProfiles(problem))];
    const sorted = before.toSorted((a, b) => a - b);
    for (const [g, value] of before.entries()) {
      const mirrored = sorted.at(-1 - sorted.indexOf(value)) ?? NaN;
      expect(after[g]).toBeCloseTo(mirrored, 12);
    }
  });

  it("raise first and last blocks, down_proj and the output layer in the heuristic", () => {
    const blocks = ["self_attn.q_proj", "mlp.down_proj"].flatMap((name) =>
      [0, 1, 2, 3].map((n) => `model.language_model.layers.${n}.${name}`),
    );
    const names = [...blocks, "model.visual.blocks.1.mlp.linear_fc2", "lm_head"];
    const groups = names.map((name) => ({ name, weights: 1, candidates: [] }));
    const raised = heuristicImportance({ groups }).map((importance) => importance > 100);
    expect(names.filter((_, g) => raised[g])).toEqual(
      names.filter((name) => !/layers\.[12]\.self_attn/.test(name)),
    );
  });
});
