import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { run, type BitPlanParams } from "../../rules/ops/bit-plan.ts";
import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import { writePythonJson } from "../../src/analysis/python-json/write.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { planRequest } from "../../src/analysis/bit-plan/plan-request.ts";
import { problemAsSet, type PlanSettings } from "../../src/analysis/bit-plan/plan-settings.ts";
import type { BitPlan, BitProblem } from "../../src/analysis/solve/problem.ts";
import { problemOfPairs, type TINY_GROUPS } from "./bit-plan-material.ts";
import { pair, PAIRS } from "./configs.ts";
import { expectFailure, expectValue, scoresText, smallFigures } from "./figures.ts";

/** python/tests/test_bit_plans.py has ModelOpt itself search these figures. */
interface Searched {
  readonly formats: readonly string[];
  readonly groups: readonly { readonly weights: number; readonly scores: readonly number[] }[];
  readonly searches: readonly {
    readonly bits: number;
    readonly score: number;
    readonly choices: readonly string[];
  }[];
}
const fixture = new URL("../fixtures/modelopt-choices.json", import.meta.url);
const searched = JSON.parse(readFileSync(fixture, "utf8")) as Searched;
const problem = ((): BitProblem => {
  const groups = searched.groups.map(({ weights }, g): (typeof TINY_GROUPS)[number] => [
    [`layer${g}`],
    weights,
  ]);
  const shaped = problemOfPairs(groups, searched.formats, 1);
  return {
    groups: shaped.groups.map((group, g) => ({
      ...group,
      candidates: group.candidates.map((candidate, c) => ({
        ...candidate,
        score: searched.groups[g]?.scores[c] ?? 0,
      })),
    })),
  };
})();

const none = { rules: [], families: [] };
const usual: PlanSettings = { search: "exact", scores: "raw", count: "charged" };
const formatsOf = ({ choices }: BitPlan): readonly string[] =>
  choices.map(({ candidate }) => candidate.format);

function planOf(of: BitProblem, bits: number, settings: PlanSettings): BitPlan {
  const { searched: seen } = expectValue(problemAsSet(of, PAIRS, settings, none));
  return expectValue(planRequest(seen, { ...none, budget: { bits } })).plan;
}

describe("ModelOpt's choice", () => {
  it("is what its search chose, and by measured scores as good as the exact one", () => {
    for (const { bits, score, choices } of searched.searches) {
      const plan = planOf(problem, bits, { ...usual, search: "modelopt" });
      expect(formatsOf(plan)).toEqual(choices);
      expect(plan.score).toBe(score);
      const measured = formatsOf(plan).map(
        (format, g) => problem.groups[g]?.candidates.find((own) => own.format === format)?.score,
      );
      expect(measured).toEqual(plan.choices.map(({ candidate }) => candidate.score));
      expect(planOf(problem, bits, usual).score).toBeCloseTo(score, 12);
    }
  });

  it("takes of equal formats the first in ModelOpt's order", () => {
    const layers: (typeof TINY_GROUPS)[number] = [["layer"], 16];
    const [equal] = problemOfPairs([layers], ["wfp8_afp8", "wint8_aint8"], 1).groups;
    if (equal === undefined) throw new Error("no group");
    const groups = [
      {
        ...equal,
        candidates: equal.candidates.map((own) => ({ ...own, score: own.bits === 16 ? 0 : 1 })),
      },
    ];
    expect(formatsOf(planOf({ groups }, 8, usual))).toEqual(["wfp8_afp8"]);
    const chosen = planOf({ groups }, 8, { ...usual, search: "modelopt" });
    expect(formatsOf(chosen)).toEqual(["wint8_aint8"]);
  });

  it("is refused with what its search does not know", () => {
    const settings: PlanSettings = { search: "modelopt", scores: "raw", count: "stored" };
    const rules = [{ layers: ["*"], formats: ["NONE"] }];
    const failure = expectFailure(problemAsSet(problem, PAIRS, settings, { ...none, rules }));
    expect(failure.reason).toBe("constraint_unmet");
    expect(failure.message).toBe(
      "ModelOpt's search takes no bits counted as stored (it knows only charged) and no rules. Leave that out, or set search to exact.",
    );
  });
});

it.each(["exact", "modelopt"] as const)("normalised scores change no plan: %s", (search) => {
  for (const bits of [4.5, 5.3, 6, 7.7, 9.5, 12.2]) {
    const raw = planOf(problem, bits, { ...usual, search });
    const shares = planOf(problem, bits, { ...usual, search, scores: "normalised" });
    expect(formatsOf(shares)).toEqual(formatsOf(raw));
    expect(shares.score).toBeLessThan(1);
  }
});

describe("a plan's document", () => {
  const names = ["wfp8_afp8", "wint4_afp16"];
  const source = { kind: "captions", path: "captions.txt" } as const;
  const dataset = { name: "d", size: "small", root: "data", source, maxCalibSamples: 16 };
  const scheme = { name: "s", effectiveBits: 12, scoreSize: 128 };
  const documentOf = (own: Partial<BitPlanParams>): Record<string, unknown> => {
    const texts = names.flatMap((name, n) => {
      // The smaller format has the lower score: ModelOpt takes that for the larger one's too.
      const scores = smallFigures.scores.map((score) => score && score / (1 + n));
      const text = scoresText({ ...smallFigures, scores });
      const measured = expectValue(readScores(text));
      const inputs = { scores: measured, scheme, modelId: "models/x", dataset };
      const manifest = writePythonJson(expectValue(buildManifest(inputs)).json);
      return [
        [`scores_${name}`, text],
        [`manifest_${name}`, manifest],
      ] as const;
    });
    const inputs = Object.fromEntries(
      texts.map(([role, text]) => [role, { path: role, text: () => text }]),
    );
    const params: BitPlanParams = {
      name: "plan",
      model_id: "models/x",
      scope: "lm",
      bits_counted: "charged",
      request: { ...none, budget: { bits: 9 } },
      candidates: names.map((name) => pair(name)),
      ...own,
    };
    const made = run({ params, inputs } as unknown as Parameters<typeof run>[0]);
    if (!made.ok) throw new Error(JSON.stringify(made));
    return JSON.parse(made.value.plan as string) as Record<string, unknown>;
  };

  it("says which choice it is where that is not the usual one", () => {
    const plain = documentOf({});
    expect(plain).not.toHaveProperty("search");
    expect(plain).not.toHaveProperty("scores");
    expect(documentOf({ search: "exact", scores: "raw" })).toEqual(plain);
    const set = documentOf({ search: "modelopt", scores: "normalised" });
    expect(set).toMatchObject({ search: "modelopt", scores: "normalised" });
    const shares = set["achieved"] as Record<string, number>;
    expect(shares["score"]).toBeCloseTo(shares["score_share"] ?? NaN, 12);
    const sums = plain["achieved"] as Record<string, number>;
    expect(sums["score_share"]).toBeCloseTo(shares["score"] ?? NaN, 12);
    expect(sums["score"]).not.toBeCloseTo(shares["score"] ?? NaN, 6);
  });
});
