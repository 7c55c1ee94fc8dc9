import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  choicesAt,
  planWithin,
  pointWithin,
  solveFrontier,
  thinFrontier,
} from "../../src/analysis/solve/frontier.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { runs } from "../rig/wide.ts";
import { allBest } from "./brute-force.ts";
import { allFigures, expectFailure, expectValue, figuresOf, problemOf } from "./figures.ts";
import { randomProblems } from "./random-problems.ts";

function expectAllPlans(problem: BitProblem): void {
  const frontier = expectValue(solveFrontier(problem));
  const expected = allBest(problem);
  expect(frontier.given).toBe("all");
  expect(frontier.points.map(({ cost, score }) => [cost, score])).toEqual(
    expected.map(({ cost, score }) => [cost, score]),
  );
  expect(frontier.points.map((_, position) => choicesAt(frontier, position))).toEqual(
    expected.map(({ choices }) => choices),
  );
}

describe("the frontier against all plans", () => {
  it("has the very same plans, ties included", () => {
    const tied = randomProblems(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 8 }));
    fc.assert(fc.property(tied, expectAllPlans), { numRuns: runs(800) });
  });

  it("has the very same plans where scores and costs differ widely", () => {
    const wide = randomProblems(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 1e6 }));
    fc.assert(fc.property(wide, expectAllPlans), { numRuns: runs(500) });
  });

  it("has the very same plans of many groups with two formats", () => {
    const many = randomProblems(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 40 }), {
      groups: 11,
      candidates: 2,
    });
    fc.assert(fc.property(many, expectAllPlans), { numRuns: runs(200) });
  });

  it("marks the corners of the lower hull and no others", () => {
    const mixed = randomProblems(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 50 }));
    fc.assert(
      fc.property(mixed, (problem) => {
        const { points } = expectValue(solveFrontier(problem));
        const below = points.filter(({ cost, score }) =>
          points.every((a) =>
            points.every(
              (b) =>
                a.cost >= cost ||
                b.cost <= cost ||
                // Not above the line from a to b.
                (score - a.score) * (b.cost - a.cost) <= (b.score - a.score) * (cost - a.cost),
            ),
          ),
        );
        const corners = points.filter(({ corner }) => corner);
        for (const corner of corners) expect(below).toContain(corner);
        // What lies on an edge may be marked or not; its ends must be.
        expect(corners).toContain(points[0]);
        expect(corners).toContain(points.at(-1));
        for (const point of below) {
          const [a, b] = [
            corners.findLast(({ cost }) => cost <= point.cost),
            corners.find(({ cost }) => cost >= point.cost),
          ];
          const line =
            ((b?.score ?? 0) - (a?.score ?? 0)) * (point.cost - (a?.cost ?? 0)) -
            (point.score - (a?.score ?? 0)) * ((b?.cost ?? 0) - (a?.cost ?? 0));
          expect(line).toBeCloseTo(0, 9);
        }
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("the frontier of published figures", () => {
  it.each(allFigures())("holds the best plan for any budget: $name", (figures) => {
    const problem = problemOf(figures);
    const frontier = expectValue(solveFrontier(problem));
    expect(frontier.given).toBe("all");
    const low = frontier.points[0]?.bits ?? 0;
    const budgets = Array.from({ length: 40 }, (_, index) => low + ((16 - low) * index) / 39);
    for (const budget of [figures.budgetBits, ...budgets]) {
      const plan = expectValue(solveBitPlan(problem, budget));
      expect(planWithin(frontier, budget)).toEqual(plan);
    }
  });

  it("is made of plans that cost and score what it says", () => {
    const problem = problemOf(figuresOf("qwen3-lm-int8"));
    const frontier = expectValue(solveFrontier(problem));
    const weights = problem.groups.reduce((sum, group) => sum + group.weights, 0);
    for (const [position, point] of frontier.points.entries()) {
      const chosen = choicesAt(frontier, position).map(
        (candidate, g) => problem.groups[g]?.candidates[candidate],
      );
      expect(chosen.reduce((sum, candidate) => sum + (candidate?.cost ?? NaN), 0)).toBe(point.cost);
      expect(chosen.reduce((sum, candidate) => sum + (candidate?.score ?? NaN), 0)).toBe(
        point.score,
      );
      expect(point.bits).toBe((point.cost * 16) / weights);
    }
  });
});

describe("where there are too many plans", () => {
  const figures = figuresOf("qwen25-all-layers-fp8");
  const problem = problemOf(figures);

  it("gives the corners, between which no plan is below the line", () => {
    const all = expectValue(solveFrontier(problem));
    const corners = expectValue(solveFrontier(problem, 1000));
    expect(corners.given).toBe("corners");
    const told = ({ bits, score }: { bits: number; score: number }): readonly number[] => [
      bits,
      score,
    ];
    expect(corners.points.map(told)).toEqual(all.points.filter(({ corner }) => corner).map(told));
    for (const { bits, score } of all.points) {
      const left = corners.points[pointWithin(corners, bits) ?? 0];
      const right = corners.points[(pointWithin(corners, bits) ?? 0) + 1] ?? left;
      if (left === undefined || right === undefined) throw new Error("no corner");
      const share = right === left ? 0 : (bits - left.bits) / (right.bits - left.bits);
      expect(score).toBeLessThanOrEqual(left.score);
      expect(score).toBeGreaterThanOrEqual(
        (left.score + (right.score - left.score) * share) * (1 - 1e-9),
      );
    }
  });

  it("leaves out some, evenly, and keeps plans and both ends", () => {
    const all = expectValue(solveFrontier(problem));
    const some = thinFrontier(all, 100);
    expect(some.given).toBe("some");
    expect(some.points.length).toBeGreaterThan(90);
    expect(some.points.length).toBeLessThanOrEqual(100);
    expect(some.points[0]?.bits).toBe(all.points[0]?.bits);
    expect(some.points.at(-1)?.bits).toBe(all.points.at(-1)?.bits);
    for (const [position, point] of some.points.entries()) {
      const same = all.points.findIndex(({ bits }) => bits === point.bits);
      expect(choicesAt(some, position)).toEqual(choicesAt(all, same));
      expect(point.score).toBe(all.points[same]?.score);
    }
    expect(thinFrontier(all, 1e6)).toBe(all);
    expect(thinFrontier(all, 2).points.length).toBe(2);
  });
});

it("a frontier of nothing is refused", () => {
  expect(expectFailure(solveFrontier({ groups: [] })).reason).toBe("no_candidates");
});
