import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { asModelOptSees, modelOptOrder } from "../../src/analysis/bit-plan/modelopt-view.ts";
import { solveBitPlan } from "../../src/analysis/solve/solve-bit-plan.ts";
import { problemOfPairs, random } from "./bit-plan-material.ts";
import { PAIRS } from "./configs.ts";
import { expectValue } from "./figures.ts";

const FORMATS = ["wfp8_afp8", "wint4_afp16", "wint8_aint8", "wint4_aint8"];
const next = random(9);
const groups = Array.from(
  { length: 24 },
  (_, g) => [[`layers.layer${g}`], 16 * (8 + Math.floor(56 * next()))] as const,
);
const problem = problemOfPairs(groups, FORMATS, 3);
const seen = asModelOptSees(problem, PAIRS);

it("lowers scores to those of smaller formats", () => {
  const lowered = seen.groups.filter(({ candidates }, g) =>
    candidates.some(({ format, score }) => {
      const own = problem.groups[g]?.candidates.find((candidate) => candidate.format === format);
      expect(score).toBeLessThanOrEqual(own?.score ?? NaN);
      return score < (own?.score ?? NaN);
    }),
  );
  expect(lowered.length).toBeGreaterThan(5);
  for (const { candidates } of seen.groups) {
    const scores = candidates.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(candidates.at(-1)?.format).toBe("NONE");
  }
});

/** python/tests/test_bit_plans.py has ModelOpt itself choose. */
it("chooses as ModelOpt does in its own tests", async () => {
  const searches = [4.5, 5.3, 6, 7.7, 9.5, 12.2].map((bits) => {
    const plan = expectValue(solveBitPlan(seen, bits));
    return {
      bits,
      achieved: plan.bits.achieved,
      score: plan.score,
      choices: plan.choices.map(({ candidate }) => candidate.format),
    };
  });
  const fixture = {
    order: modelOptOrder(PAIRS).map(({ name }) => name),
    formats: FORMATS,
    groups: problem.groups.map(({ weights, candidates }) => ({
      weights,
      scores: candidates.slice(0, -1).map(({ score }) => score),
    })),
    searches,
  };
  await expect(`${JSON.stringify(fixture, null, 1)}\n`).toMatchFileSnapshot(
    fileURLToPath(new URL("../fixtures/modelopt-choices.json", import.meta.url)),
  );
});
