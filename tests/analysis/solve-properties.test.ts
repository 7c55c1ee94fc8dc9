import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BitPlan, BitProblem } from "../../src/analysis/solve/problem.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { runs } from "../rig/wide.ts";
import { bestWithin } from "./brute-force.ts";
import { expectValue } from "./figures.ts";
import { randomProblems } from "./random-problems.ts";

function chosenOf(problem: BitProblem, plan: BitPlan): readonly number[] {
  return plan.choices.map(
    ({ candidate }, g) => problem.groups[g]?.candidates.indexOf(candidate) ?? -1,
  );
}

const budgets = fc.integer({ min: 1, max: 120 }).map((quarter) => quarter / 4);

describe("the search against all plans", () => {
  // Few distinct small values: plenty of ties in score, in cost, and in both.
  it("gives the very same plan, ties included", () => {
    const tied = randomProblems(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 8 }));
    fc.assert(
      fc.property(tied, budgets, (problem, budget) => {
        const expected = bestWithin(problem, budget)?.choices;
        const plan = expectValue(solveBitPlan(problem, budget));
        expect(plan.satisfied).toBe(expected !== undefined);
        if (expected !== undefined) expect(chosenOf(problem, plan)).toEqual(expected);
      }),
      { numRuns: runs(2000) },
    );
  });

  it("gives the very same plan where many groups are nearly tied", () => {
    // Small steps of similar worth: plans of equal sums that differ in several groups, and
    // plans that are reached only by first leaving the budget and then returning to it.
    const near = fc
      .array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 })), {
        minLength: 6,
        maxLength: 11,
      })
      .map((steps): BitProblem => ({
        groups: steps.map(([cost, score]) => ({
          name: "g",
          weights: 16,
          candidates: [
            { format: "F", bits: 8, cost: 0, score },
            { format: "NONE", bits: 16, cost, score: 0 },
          ],
        })),
      }));
    fc.assert(
      fc.property(near, fc.nat(30), (problem, room) => {
        const budget = (room + 0.5) / problem.groups.length;
        const plan = expectValue(solveBitPlan(problem, budget));
        expect(chosenOf(problem, plan)).toEqual(bestWithin(problem, budget)?.choices);
      }),
      { numRuns: runs(1000) },
    );
  });

  it("is exact for many groups of unlike size", () => {
    const wide = randomProblems(
      fc.integer({ min: 0, max: 1000 }),
      fc.integer({ min: 0, max: 40 }),
      {
        groups: 12,
        candidates: 2,
      },
    );
    fc.assert(
      fc.property(wide, budgets, (problem, budget) => {
        const expected = bestWithin(problem, budget)?.choices;
        const plan = expectValue(solveBitPlan(problem, budget));
        expect(plan.satisfied).toBe(expected !== undefined);
        if (expected !== undefined) expect(chosenOf(problem, plan)).toEqual(expected);
      }),
      { numRuns: runs(1000) },
    );
  });

  it("is exact over twenty orders of magnitude", () => {
    const wide = fc
      .integer({ min: -12, max: 8 })
      .chain((exponent) =>
        fc.double({ min: 1, max: 10, noNaN: true }).map((mantissa) => mantissa * 10 ** exponent),
      );
    fc.assert(
      fc.property(
        randomProblems(wide, fc.integer({ min: 0, max: 40 })),
        budgets,
        (problem, budget) => {
          const expected = bestWithin(problem, budget)?.choices;
          const plan = expectValue(solveBitPlan(problem, budget));
          expect(plan.satisfied).toBe(expected !== undefined);
          if (expected === undefined) return;
          const score = expected.reduce(
            (sum, index, g) => sum + (problem.groups[g]?.candidates[index]?.score ?? NaN),
            0,
          );
          expect(Math.abs(plan.score - score)).toBeLessThanOrEqual(score * 1e-12);
        },
      ),
      { numRuns: runs(1000) },
    );
  });

  it("does not depend on the unit of scores or of weights", () => {
    const mixed = randomProblems(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 }));
    fc.assert(
      fc.property(mixed, budgets, fc.integer({ min: -40, max: 40 }), (problem, budget, shift) => {
        const scaled: BitProblem = {
          groups: problem.groups.map((group) => ({
            ...group,
            weights: group.weights * 2 ** shift,
            candidates: group.candidates.map((candidate) => ({
              ...candidate,
              cost: candidate.cost * 2 ** shift,
              score: candidate.score * 2 ** -shift,
            })),
          })),
        };
        const plan = expectValue(solveBitPlan(problem, budget));
        const other = expectValue(solveBitPlan(scaled, budget));
        expect(chosenOf(scaled, other)).toEqual(chosenOf(problem, plan));
      }),
    );
  });
});
