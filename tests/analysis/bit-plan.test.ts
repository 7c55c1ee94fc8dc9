import fc from "fast-check";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { frontierJson, readFrontier } from "../../src/analysis/plan-export/documents.ts";
import { quantConfig } from "../../src/analysis/plan-export/quant-config.ts";
import { recipeYaml } from "../../src/analysis/plan-export/recipe.ts";
import { solveFamilies } from "../../src/analysis/bit-plan/families.ts";
import { choicesOfAll, solveFrontier } from "../../src/analysis/solve/frontier.ts";
import { meansGroup } from "../../src/analysis/groups/layer-pattern.ts";
import { applyRules } from "../../src/analysis/bit-plan/layer-rules.ts";
import { highestScore, normaliseScores } from "../../src/analysis/bit-plan/normalise.ts";
import { gigabytesOf, planRequest } from "../../src/analysis/bit-plan/plan-request.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { problemOfPairs, TINY_GROUPS } from "./bit-plan-material.ts";
import { allPlans } from "./brute-force.ts";
import { pair } from "./configs.ts";
import { expectFailure, expectValue } from "./figures.ts";

const NAMES = ["wint4_afp16", "wint8_aint8", "wfp8_afp8"];
const tiny = problemOfPairs(TINY_GROUPS, NAMES, 5, "stored");
const none = { rules: [], families: [] };

describe("rules", () => {
  it("mean layers by any module of their group", () => {
    const [, , , qkv] = tiny.groups;
    if (qkv === undefined) throw new Error("no group");
    expect(meansGroup("*layers.0.self_attn.k_proj", qkv)).toBe(true);
    expect(meansGroup("*layers.0.self_attn.?_proj", qkv)).toBe(true);
    expect(meansGroup("layers.0.self_attn.k_proj", qkv)).toBe(false);
    expect(meansGroup("*layers.0*attn.o_proj", qkv)).toBe(false);
    expect(meansGroup("*layersX0.self_attn.k_proj", qkv)).toBe(false);
  });

  it("force and keep, and the rest is the best that remains", () => {
    const rules = [
      { layers: ["*visual*"], formats: ["wfp8_afp8"] },
      { layers: ["lm_head"], formats: ["NONE"] },
    ];
    const { plan } = expectValue(planRequest(tiny, { ...none, budget: { bits: 9 }, rules }));
    for (const { name, candidate } of plan.choices) {
      if (name.includes("visual")) expect(candidate.format).toBe("wfp8_afp8");
      if (name.startsWith("lm_head")) expect(candidate.format).toBe("NONE");
    }
    const free = expectValue(planRequest(tiny, { ...none, budget: { bits: 9 } })).plan;
    expect(plan.score).toBeGreaterThan(free.score);
    expect(plan.bits.achieved).toBeLessThanOrEqual(9);
  });

  const refused = (layers: string[], formats: string[]): string => {
    const rules = [
      { layers: ["*visual*"], formats: ["NONE"] },
      { layers, formats },
    ];
    const failure = expectFailure(applyRules(tiny, rules));
    expect(failure.reason).toBe("constraint_unmet");
    return failure.message;
  };

  it("that cannot be met say which, and against what", () => {
    expect(refused(["*visual.patch*"], ["wfp8_afp8"])).toBe(
      'The rule "*visual.patch* only wfp8_afp8" leaves model.visual.patch_embed.proj nothing: the rule "*visual* only NONE" allows only NONE there. Change one of them.',
    );
    expect(refused(["*vizual*"], ["NONE"])).toContain("means no layer by *vizual*");
    expect(refused(["lm_head"], ["wfp8"])).toContain("names wfp8, which is no candidate");
  });

  it("that only leave too little room are named with what would do", () => {
    const rules = [{ layers: ["lm_head"], formats: ["NONE"] }];
    const failure = expectFailure(planRequest(tiny, { ...none, budget: { bits: 5 }, rules }));
    expect(failure.reason).toBe("budget_unmet");
    expect(failure.message).toContain('It could be met without the rule "lm_head only NONE".');
    const least = Number(/the smallest plan has ([\d.]+) bits/.exec(failure.message)?.[1]);
    const just = { ...none, budget: { bits: least }, rules };
    expect(expectValue(planRequest(tiny, just)).plan.satisfied).toBe(true);
    const small = expectFailure(planRequest(tiny, { ...none, budget: { gigabytes: 1e-6 } }));
    expect(small.message).toContain("No candidate is small enough");
  });
});

describe("budgets", () => {
  it("in gigabytes are refused above the size of unquantized layers, as bits are above 16", () => {
    const whole = tiny.groups.reduce((sum, { weights }) => sum + weights, 0) * 2e-9;
    const { plan } = expectValue(planRequest(tiny, { ...none, budget: { gigabytes: whole } }));
    expect(plan.score).toBe(0);
    const { reason, message } = expectFailure(
      planRequest(tiny, { ...none, budget: { gigabytes: 2 * whole } }),
    );
    expect(reason).toBe("invalid_budget");
    expect(message).toContain(`${whole} GB at 16 bits`);
  });

  it("in gigabytes hold for all weights of the layer groups", () => {
    const { plan } = expectValue(planRequest(tiny, { ...none, budget: { gigabytes: 0.000_075 } }));
    expect(gigabytesOf(plan.cost)).toBeLessThanOrEqual(0.000_075);
    const bytes = plan.choices.reduce((sum, { candidate }, g) => {
      return sum + ((tiny.groups[g]?.weights ?? 0) * candidate.bits) / 8;
    }, 0);
    expect(gigabytesOf(plan.cost)).toBeCloseTo(bytes / 1e9, 15);
  });

  it("in bits are of the layers that may be quantized", () => {
    const groups = tiny.groups.map((group, g) =>
      g === 2 ? { ...group, candidates: group.candidates.slice(-1) } : group,
    );
    const { plan } = expectValue(planRequest({ groups }, { ...none, budget: { bits: 8 } }));
    const open = plan.choices.filter((_, g) => g !== 2);
    const weights = groups.reduce((sum, group, g) => sum + (g === 2 ? 0 : group.weights), 0);
    const cost = open.reduce((sum, { candidate }) => sum + candidate.cost, 0);
    expect((cost * 16) / weights).toBeLessThanOrEqual(8);
    expect((cost * 16) / weights).toBeGreaterThan(7.9);
  });
});

describe("what is asked and means nothing", () => {
  it("is refused: two families of one name, an idle pattern of a family, a format or a rule twice", () => {
    const visual = { name: "vision", layers: ["*visual*"], bits: 8 };
    const families = (...asked: readonly (typeof visual)[]): string =>
      expectFailure(solveFamilies(tiny, asked)).message;
    expect(families(visual, { ...visual, layers: ["*mlp*"] })).toContain(
      "Two families are called vision",
    );
    expect(families({ ...visual, layers: ["*visual*", "*audio*"] })).toContain(
      "means no layer by *audio*",
    );
    const head = { layers: ["lm_head"], formats: ["NONE"] };
    const rules = (...asked: readonly (typeof head)[]): string =>
      expectFailure(planRequest(tiny, { budget: { bits: 16 }, families: [], rules: asked }))
        .message;
    expect(rules({ ...head, formats: ["NONE", "NONE"] })).toContain("says NONE twice");
    expect(rules(head, head)).toContain("is there twice");
  });
});

describe("families", () => {
  it("give the frontier of all plans that keep them within their budgets", () => {
    const problems = fc.integer({ min: 1, max: 1e6 }).map((seed) => {
      const { groups } = problemOfPairs(TINY_GROUPS.slice(0, 7), NAMES.slice(0, 2), seed);
      return { groups };
    });
    fc.assert(
      fc.property(problems, fc.integer({ min: 41, max: 160 }), (problem, tenths) => {
        const bits = tenths / 10;
        const families = [{ name: "vision", layers: ["*visual*"], bits }];
        const isVision = problem.groups.map(({ name }) => name.includes("visual"));
        const weights = problem.groups.reduce(
          (sum, group, g) => sum + (isVision[g] === true ? group.weights : 0),
          0,
        );
        const allowed = allPlans(problem).filter(({ choices }) => {
          const cost = choices.reduce(
            (sum, candidate, g) =>
              sum +
              (isVision[g] === true ? (problem.groups[g]?.candidates[candidate]?.cost ?? 0) : 0),
            0,
          );
          return (cost * 16) / weights <= bits;
        });
        let least = Infinity;
        const best = allowed
          .toSorted((a, b) => a.cost - b.cost || a.score - b.score)
          .filter(({ score }) => {
            const better = score < least * (1 - 1e-12);
            least = Math.min(least, score);
            return better;
          });
        const { points } = expectValue(solveFamilies(problem, families));
        expect(points.map(({ cost }) => cost)).toEqual(best.map(({ cost }) => cost));
        for (const [p, { score }] of points.entries()) {
          expect(score).toBeCloseTo(best[p]?.score ?? NaN, 9);
        }
      }),
      { numRuns: 25 },
    );
  });

  it("that cannot be met, overlap or mean nothing are named", () => {
    const refused = (...families: { name: string; layers: string[]; bits: number }[]): string => {
      const failure = expectFailure(solveFamilies(tiny, families));
      expect(failure.reason).toBe("constraint_unmet");
      return failure.message;
    };
    const vision = { name: "vision", layers: ["*visual*"], bits: 8 };
    expect(refused({ ...vision, bits: 3 })).toMatch(
      /family vision .* cannot have 3 bits: .* needs 4\.25/,
    );
    expect(refused(vision, { name: "first", layers: ["*.0.*"], bits: 8 })).toContain(
      "The families vision and first both have model.visual.blocks.0.attn.qkv",
    );
    expect(refused({ name: "audio", layers: ["*audio*"], bits: 8 })).toContain("means no layer");
  });
});

it("normalised scores are shares of the whole, and choose the same", () => {
  const normalised = normaliseScores(tiny);
  expect(highestScore(normalised)).toBeCloseTo(1, 12);
  for (const bits of [5, 6, 7.5, 9, 12]) {
    const plan = expectValue(solveBitPlan(tiny, bits));
    const other = expectValue(solveBitPlan(normalised, bits));
    const formats = ({ choices }: typeof plan): readonly string[] =>
      choices.map(({ candidate }) => candidate.format);
    expect(formats(other)).toEqual(formats(plan));
    expect(other.score).toBeCloseTo(plan.score / highestScore(tiny), 12);
  }
});

it("frontier documents are read as they were written, and wrong ones refused", () => {
  const frontier = expectValue(solveFrontier(tiny));
  const text = frontierJson(frontier);
  const read = expectValue(readFrontier(text));
  expect(read).toEqual(frontier);
  expect(choicesOfAll(read)).toEqual(choicesOfAll(frontier));
  expect(expectFailure(readFrontier(text.replace('"schema": 2', '"schema": 1'))).reason).toBe(
    "unsupported_schema",
  );
  const moved = text.replace(/"changes":\[\[\d+,\d+\]/, '"changes":[[0,9]');
  expect(moved).not.toBe(text);
  expect(expectFailure(readFrontier(moved)).message).toContain("names no group and candidate");
});

/** python/tests/test_bit_plans.py hands these to ModelOpt. */
it("exports what ModelOpt is given in its own tests", async () => {
  const rules = [
    { layers: ["lm_head"], formats: ["NONE"] },
    { layers: ["*layers.1.mlp.down_proj"], formats: ["NONE"] },
  ];
  const { plan } = expectValue(planRequest(tiny, { ...none, budget: { bits: 8.5 }, rules }));
  const formats = new Map(NAMES.map((name) => [name, pair(name)]));
  const config = expectValue(quantConfig(tiny, plan, formats));
  const chosen = plan.choices.map(({ candidate }, g) => ({
    modules: tiny.groups[g]?.modules,
    format: candidate.format,
  }));
  expect(new Set(chosen.map(({ format }) => format))).toEqual(new Set([...NAMES, "NONE"]));
  const file = (name: string): string =>
    fileURLToPath(new URL(`../fixtures/bit-plan/${name}`, import.meta.url));
  await expect(`${JSON.stringify(chosen, null, 1)}\n`).toMatchFileSnapshot(file("choices.json"));
  await expect(`${JSON.stringify(config, null, 1)}\n`).toMatchFileSnapshot(file("quant-cfg.json"));
  await expect(recipeYaml("A plan of the tests.", config)).toMatchFileSnapshot(file("recipe.yaml"));
});
