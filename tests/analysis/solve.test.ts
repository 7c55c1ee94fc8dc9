import { describe, expect, it } from "vitest";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { problemFromScores } from "../../src/analysis/solve/problem-from-scores.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import {
  allFigures,
  expectFailure,
  expectValue,
  problemOf,
  scoresText,
  smallFigures,
} from "./figures.ts";

describe("published figures", () => {
  it.each(allFigures())("are reproduced: $name", (figures) => {
    const plan = expectValue(solveBitPlan(problemOf(figures), figures.budgetBits));
    const { effectiveBits, score, satisfied } = figures.recorded;
    expect(plan.satisfied).toBe(satisfied);
    expect(Math.abs(plan.bits.achieved / effectiveBits - 1)).toBeLessThan(1e-9);
    expect(Math.abs(plan.score / score - 1)).toBeLessThan(1e-6);
  });

  it("name the smallest budget that works", () => {
    for (const figures of allFigures()) {
      const problem = problemOf(figures);
      const { minimum } = expectValue(solveBitPlan(problem, figures.budgetBits)).bits;
      const atMinimum = expectValue(solveBitPlan(problem, minimum));
      expect(atMinimum.satisfied).toBe(true);
      expect(expectValue(solveBitPlan(problem, minimum * 0.999)).satisfied).toBe(false);
    }
  });

  it("need not a higher score for a larger budget", () => {
    for (const figures of allFigures()) {
      let previous = Infinity;
      for (let budget = figures.recorded.effectiveBits; budget < 16.5; budget += 0.25) {
        const { score, bits } = expectValue(solveBitPlan(problemOf(figures), budget));
        expect(bits.achieved).toBeLessThanOrEqual(budget * (1 + 1e-12));
        expect(score).toBeLessThanOrEqual(previous);
        previous = score;
      }
      expect(previous).toBe(0);
    }
  });
});

describe("budgets", () => {
  const problem = expectValue(
    problemFromScores([expectValue(readScores(scoresText(smallFigures)))]),
  );

  it("may equal the sum of costs that binary fractions cannot express", () => {
    const groups = Array.from({ length: 50 }, (_, index) => ({
      name: `g${index}`,
      weights: 1000 + index,
      candidates: [
        { format: "F", bits: 4.1, cost: ((1000 + index) * 4.1) / 16, score: 1 },
        { format: "NONE", bits: 16, cost: 1000 + index, score: 0 },
      ],
    }));
    expect(expectValue(solveBitPlan({ groups }, 4.1)).satisfied).toBe(true);
    expect(expectValue(solveBitPlan({ groups }, 4.0999999)).satisfied).toBe(false);
  });

  it("leave slack when one more layer at high precision would not fit", () => {
    const plan = expectValue(solveBitPlan(problem, 14));
    expect(plan.choices.map(({ candidate }) => candidate.format)).toEqual([
      "NONE",
      "NONE",
      "FP8_DEFAULT_CFG",
    ]);
    expect(plan.bits).toEqual({ budget: 14, achieved: 12.8, slack: 14 - 12.8, minimum: 9.6 });
  });

  it("that cannot be met give the smallest plan and say what would do", () => {
    const plan = expectValue(solveBitPlan(problem, 4));
    expect(plan).toMatchObject({ satisfied: false, cost: 300, score: 0.75 });
    expect(plan.bits).toMatchObject({ achieved: 9.6, minimum: 9.6 });
    expect(plan.bits.slack).toBeLessThan(0);
  });

  it("mean nothing without weights", () => {
    expect(expectFailure(solveBitPlan({ groups: [] }, 8)).reason).toBe("no_candidates");
  });

  it.each([0, -1, NaN, Infinity])("of %d are refused", (budget) => {
    expect(expectFailure(solveBitPlan(problem, budget)).reason).toBe("invalid_budget");
  });
});

describe("problems", () => {
  const scores = (figures: typeof smallFigures) => expectValue(readScores(scoresText(figures)));
  const int4 = { ...smallFigures, format: "INT4", formatBits: 4, scores: [null, 0.75, 4] };

  it("choose among several formats", () => {
    const both = expectValue(problemFromScores([scores(int4), scores(smallFigures)]));
    const plan = expectValue(solveBitPlan(both, 8));
    expect(plan.choices.map(({ candidate }) => candidate.format)).toEqual([
      "NONE",
      "INT4",
      "FP8_DEFAULT_CFG",
    ]);
    expect(plan.score).toBe(1);
  });

  it("need the same groups for every format", () => {
    const other = { ...int4, weights: [100, 200, 201] };
    expect(expectFailure(problemFromScores([scores(smallFigures), scores(other)]))).toMatchObject({
      reason: "groups_differ",
      where: "layers.1.mlp",
    });
  });

  it("are refused, not run out of memory on, when they are a subset-sum puzzle", () => {
    const groups = Array.from({ length: 200 }, (_, index) => {
      const weights = 1_000_000 + ((index ** 5 * 7919) % 9_999_991);
      const quantized = { format: "F", bits: 4, cost: weights / 4, score: weights * 1e-6 };
      const none = { format: "NONE", bits: 16, cost: weights, score: 0 };
      return { name: `g${index}`, weights, candidates: [quantized, none] };
    });
    expect(expectFailure(solveBitPlan({ groups }, 8)).reason).toBe("search_too_large");
  });

  it("need candidates with finite figures", () => {
    const group = { name: "g", weights: 1 };
    const candidate = { format: "F", bits: 8, cost: 1, score: NaN };
    expect(expectFailure(solveBitPlan({ groups: [{ ...group, candidates: [] }] }, 8)).reason).toBe(
      "no_candidates",
    );
    expect(
      expectFailure(solveBitPlan({ groups: [{ ...group, candidates: [candidate] }] }, 8)),
    ).toMatchObject({
      reason: "non_finite_number",
      where: "g",
    });
  });
});
