import { describe, expect, it } from "vitest";
import { chooseScheme } from "../../src/analysis/schemes/choose-scheme.ts";
import { planBits } from "../../src/analysis/schemes/controls.ts";
import { readScheme, schemeJson } from "../../src/analysis/schemes/scheme-document.ts";
import { schemePlans } from "../../src/analysis/schemes/scheme-plans.ts";
import { foundPlan, startPlans, type FoundPlan } from "../../src/analysis/search/found-plan.ts";
import { goalOf, goalText } from "../../src/analysis/search/goal.ts";
import { goalFigureText, keptBound, plainFigure } from "../../src/analysis/search/goal-figure.ts";
import type { GoalFigure } from "../../src/analysis/schemes/scheme.ts";
import { readSearchResult } from "../../src/analysis/search/search-result.ts";
import type { SearchedChoice } from "../../src/analysis/search/search-problem.ts";
import { costOf } from "../../src/analysis/search/weighed-groups.ts";
import type { Analysed } from "../../src/analysis/result/result.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { request } from "./scheme-problems.ts";
import { madeProblem, NAMES, resultText } from "./search-material.ts";

const PLAN = ["wint4_afp16", "wint4_afp16", "wint8_afp16", "wint8_afp16", "wint8_afp16"];
const GOAL: SearchedChoice = { goal: { kl: 1e-3 } };

const STARTS = ["scores", "alone"] as const;

/** What is found of a made-up problem where the search said so. */
function found(
  choice: SearchedChoice,
  changes: Readonly<Record<string, unknown>> = {},
  asked: SearchedChoice = choice,
): Analysed<FoundPlan> {
  const { problem } = madeProblem(asked);
  const result = expectValue(
    readSearchResult(resultText(madeProblem(choice).problem, PLAN, changes)),
  );
  const bits = (formats: ReadonlyMap<string, string>): number =>
    planBits(problem, { formats: NAMES.map((name) => formats.get(name) ?? "") });
  return foundPlan(problem, result, STARTS, bits);
}

describe("what a search found", () => {
  it("is the plan of a scheme, which says how it was found", () => {
    const { all, model } = madeProblem(GOAL);
    const searched = expectValue(found(GOAL));
    const made = expectValue(
      chooseScheme(request({ goal: { kl: 1e-3 } }, { searched }), all, model),
    );
    const { scheme } = made;
    expect(scheme.layers.map(({ format }) => format)).toEqual(PLAN);
    expect(scheme.search).toMatchObject({
      figure: "kl",
      goal: { figure: "kl", bound: 1e-3, confidence: 0.95 },
      met: true,
      settings: { measurements: 300, seed: 42, starts: ["scores", "alone"] },
      measured: 120,
      moves: { tried: 80, better_on_search: 20, kept: 5 },
      began: { name: "frontier_0" },
      found: { search: 2e-4 },
    });
    expect(expectValue(readScheme(schemeJson(scheme)))).toEqual(scheme);
    // INT4 fits the last layer no more than in a choice without a search.
    expect(scheme.dropped.map(({ candidate }) => candidate)).toEqual(["wint4_afp16"]);
  });

  it("stands beside the exact solver's plans of its size, which are measured as well", () => {
    for (const choice of [GOAL, { bits: 6 }]) {
      const { all, model, problem } = madeProblem(choice);
      const searched = expectValue(found(choice));
      const made = expectValue(chooseScheme(request(choice, { searched }), all, model));
      const size = costOf(problem, PLAN);
      const starts = expectValue(startPlans(problem, STARTS, size));
      expect(starts.map(({ name }) => name)).toEqual(["start_scores", "start_alone"]);
      const most = "goal" in choice ? size : (problem.limit ?? 0);
      for (const { formats } of starts) expect(costOf(problem, formats)).toBeLessThanOrEqual(most);
      const documents = expectValue(
        schemePlans(
          made,
          { randomPlans: 1, seed: 42 },
          starts.map((start) => ({ ...start, kind: "start", budget: null })),
        ),
      );
      expect([...documents.plans.keys()].slice(-2)).toEqual(["start_scores", "start_alone"]);
      expect(documents.sizes).toContain('"kind":"start"');
    }
  });

  it("is needed for a goal", () => {
    const { all, model } = madeProblem(GOAL);
    const chosen = chooseScheme(request({ goal: { kl: 1e-3 } }), all, model);
    expect(expectFailure(chosen).message).toContain("no found plan was handed over");
  });

  it.each([
    ["groups", { groups: [...NAMES.slice(1), "other"] }, "layer groups"],
    ["limits", { limit: 7, goal: null }, "limits"],
    ["units", { unit: "bytes" }, "units"],
    ["goals", { goal: { figure: "kl", bound: 1, confidence: 0.95 } }, "goals"],
  ])("is refused where the search was given other %s", (_, changes, what) => {
    const failure = expectFailure(found({ bits: 6 }, changes));
    expect(failure).toMatchObject({ reason: "groups_differ" });
    expect(failure.message).toContain(`its ${what} differ`);
  });
});

describe("a goal that cannot be met", () => {
  const unmet = (choice: SearchedChoice, kl: number) => {
    const { problem } = madeProblem(choice);
    const measured = JSON.parse(resultText(problem, PLAN, { began: null }, kl)) as {
      found: { met: boolean };
    };
    measured.found.met = false;
    const result = expectValue(readSearchResult(JSON.stringify(measured)));
    return expectFailure(foundPlan(problem, result, STARTS, () => 6.5));
  };

  it("says the best that was measured, its size, and what to ask for", () => {
    const failure = unmet({ goal: { kl: 1e-9 } }, 2.3456e-7);
    expect(failure).toMatchObject({ reason: "goal_unmet", where: "choice.goal" });
    expect(failure.message).toMatch(
      /^The goal KL ≤ 1e-9 \(95 %\) cannot be met: the best measured is 2\.35e-7 \(2\.11e-7 to 2\.58e-7\), at 6\.50 bits, \d+\.\d kB\. Ask for at least 2\.59e-7, or add a larger candidate\.$/,
    );
  });

  it("asks for less where a figure has to stay above its bound", () => {
    const { message } = unmet({ goal: { top1_agreement: 0.99, confidence: 0.9 } }, 0.8765);
    expect(message).toContain("same top token ≥ 0.99 (90 %)");
    expect(message).toContain("Ask for at most 0.788,");
  });

  it("shows on which side of the bound each figure is", () => {
    const ends = (figure: GoalFigure, bound: number, value: number, low: number, high: number) => {
      const goal = { figure, bound, confidence: 0.95 };
      return [value, low, high].map((of) => plainFigure({ figure, goal }, of));
    };
    expect(ends("perplexity_ratio", 1.0003, 1.00034, 1.0002, 1.0005)).toEqual([
      "1.00034",
      "1.0002",
      "1.0005",
    ]);
    expect(keptBound("perplexity_ratio", 1.0005)).toBe("1.0005");
    expect(ends("top1_agreement", 0.9996, 0.99951, 0.99942, 0.99963)).toEqual([
      "0.99951",
      "0.99942",
      "0.99963",
    ]);
    expect(keptBound("top1_agreement", 0.9994217)).toBe("0.999421");
    expect(ends("kl", 0.01, 0.0099, 0.0098, 0.010004)).toEqual(["0.0099", "0.0098", "0.010004"]);
    expect(keptBound("kl", 0.010004)).toBe("0.0101");
  });
});

describe("figures of goals in tables", () => {
  const text = (
    figure: GoalFigure,
    bound: number | null,
    low: number,
    value: number,
    high: number,
  ) => goalFigureText({ figure, goal: bound === null ? null : { bound } }, { value, low, high });

  it("have three digits of the distance to the unquantized model, and more where the bound is near", () => {
    expect(text("kl", null, 0.0098, 0.0099, 0.010004)).toBe("9.90e-3 (9.80e-3 to 1.00e-2)");
    expect(text("kl", 0.01, 0.0098, 0.0099, 0.010004)).toBe("9.90e-3 (9.80e-3 to 1.0004e-2)");
    expect(text("perplexity_ratio", 1.0003, 1.0002, 1.00034, 1.0005)).toBe(
      "1.000340 (1.000200 to 1.000500)",
    );
    expect(text("top1_agreement", 0.9996, 0.99942, 0.99951, 0.9999)).toBe(
      "99.9510 % (99.9420 % to 99.99000 %)",
    );
    expect(text("top1_agreement", 0.8, 0.79998, 0.91, 1)).toBe("91.00 % (79.998 % to 100.00 %)");
    expect(text("perplexity_ratio", 1.1, 0.9876, 1, 1.5)).toBe("1.00 (0.9876 to 1.500)");
  });
});

describe("a goal", () => {
  it("has a confidence of 95 % where none is given, and is said in words", () => {
    expect(goalOf({ perplexity_ratio: 1.01 })).toEqual({
      figure: "perplexity_ratio",
      bound: 1.01,
      confidence: 0.95,
    });
    expect(goalText(goalOf({ logit_mse: 0.5, confidence: 0.997 }))).toBe(
      "squared error of logits ≤ 0.5 (99.7 %)",
    );
  });
});

describe("the document of a search", () => {
  const text = resultText(madeProblem({ bits: 6 }).problem, PLAN);
  const reasonOf = (changed: string) => expectFailure(readSearchResult(changed)).reason;

  it.each([
    ["is of another version", '"schema":1', '"schema":2', "unsupported_schema"],
    ["lacks a field", '"exhausted"', '"finished"', "wrong_structure"],
    ["is of another op", "measured_search", "plan_quality", "wrong_structure"],
    ["has a format too few", '"formats":["wint4_afp16",', '"formats":[', "figures_disagree"],
  ])("is refused where it %s", (_, from, to, reason) => {
    expect(text).toContain(from);
    expect(reasonOf(text.replace(from, to))).toBe(reason);
  });
});
