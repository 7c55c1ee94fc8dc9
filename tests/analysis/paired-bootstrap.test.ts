import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  LEAST_SAMPLES,
  meanOf,
  PairedBootstrap,
  type KlSums,
} from "../../src/analysis/quality/paired-bootstrap.ts";
import { Random } from "../../src/analysis/quality/random.ts";
import { verdictOf, type Contest, type Standard } from "../../src/analysis/quality/verdict.ts";
import { expectFailure, expectValue } from "./figures.ts";

const SAMPLES = 60;
const tokensOf = (random: Random, samples = SAMPLES): readonly number[] =>
  Array.from({ length: samples }, () => 5 + random.below(20));

/** How hard each sample is: what all plans share, and a pairing takes out. */
const hardnessOf = (random: Random, samples = SAMPLES): readonly number[] =>
  Array.from({ length: samples }, () => -Math.log(1 - random.fraction()));

/** KL of each sample for a plan of this mean, with noise of its own around the sample's hardness. */
const klOf = (random: Random, hardness: readonly number[], mean: number): readonly number[] =>
  hardness.map((hard) => hard * mean * (0.5 + random.fraction()));

const over = (tokens: readonly number[], resamples = 400): PairedBootstrap =>
  expectValue(PairedBootstrap.over(tokens, resamples, 42));

const positiveKl = fc.array(fc.double({ min: 1e-6, max: 10, noNaN: true }), {
  minLength: LEAST_SAMPLES,
  maxLength: LEAST_SAMPLES,
});

describe("the paired bootstrap", () => {
  it("covers a known truth about as often as it says", () => {
    const random = new Random(1);
    const trials = 200;
    const samples = 100;
    let covered = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const hardness = hardnessOf(random, samples);
      const bootstrap = over(tokensOf(random, samples), 300);
      const above = expectValue(bootstrap.sumsOf("a", klOf(random, hardness, 3)));
      const below = expectValue(bootstrap.sumsOf("b", klOf(random, hardness, 2)));
      const { low, high } = expectValue(bootstrap.factor(above, below));
      if (low <= 1.5 && high >= 1.5) covered += 1;
    }
    // 95 % with a standard error of 1.5 %; percentile intervals of 100 samples are a little narrow.
    expect(covered / trials).toBeGreaterThan(0.9);
    expect(covered / trials).toBeLessThan(0.99);
  });

  it("is far narrower than the quotient of two intervals, since samples are paired", () => {
    const random = new Random(2);
    const hardness = hardnessOf(random);
    const bootstrap = over(tokensOf(random));
    const above = expectValue(bootstrap.sumsOf("a", klOf(random, hardness, 3)));
    const below = expectValue(bootstrap.sumsOf("b", klOf(random, hardness, 2)));
    const paired = expectValue(bootstrap.factor(above, below));
    const [a, b] = [bootstrap.perToken(above), bootstrap.perToken(below)];
    expect(paired.high - paired.low).toBeLessThan((a.high / b.low - a.low / b.high) / 2);
  });

  it("gives a factor of exactly 1 for equal plans, and for the mean of plans equal to it", () => {
    fc.assert(
      fc.property(positiveKl, fc.integer({ min: 1, max: 9 }), (kl, count) => {
        const bootstrap = over(
          kl.map(() => 7),
          100,
        );
        const plan = expectValue(bootstrap.sumsOf("plan", kl));
        const same = Array.from({ length: count }, (_, n) => ({ ...plan, plan: `random_${n}` }));
        const factor = expectValue(bootstrap.factor(meanOf("mean", same), plan));
        expect(factor).toEqual({ value: 1, low: 1, high: 1 });
      }),
    );
  });

  it("does not depend on the unit of the divergence", () => {
    fc.assert(
      fc.property(positiveKl, positiveKl, fc.integer({ min: -8, max: 8 }), (a, b, power) => {
        const bootstrap = over(
          a.map(() => 7),
          100,
        );
        const factorOf = (unit: number) =>
          bootstrap.factor(
            expectValue(
              bootstrap.sumsOf(
                "a",
                a.map((kl) => kl * unit),
              ),
            ),
            expectValue(
              bootstrap.sumsOf(
                "b",
                b.map((kl) => kl * unit),
              ),
            ),
          );
        expect(factorOf(2 ** power)).toEqual(factorOf(1));
      }),
    );
  });

  it("weighs samples by their tokens: a token counts, not a sample", () => {
    const tokens = [...Array<number>(LEAST_SAMPLES - 1).fill(1), 81];
    const bootstrap = over(tokens);
    const sums = expectValue(
      bootstrap.sumsOf(
        "a",
        tokens.map((count) => 0.25 * count),
      ),
    );
    expect(bootstrap.perToken(sums)).toEqual({ value: 0.25, low: 0.25, high: 0.25 });
  });

  it.each([
    ["one sample", [7], "too_few_samples", "1 held-out samples are too few for an interval"],
    [
      "a sample without tokens",
      [...Array<number>(LEAST_SAMPLES).fill(3), 0],
      "wrong_structure",
      "A held-out sample has no counted token",
    ],
  ])("refuses %s", (_, tokens, reason, message) => {
    const failure = expectFailure(PairedBootstrap.over(tokens, 100, 42));
    expect(failure.reason).toBe(reason);
    expect(failure.message).toContain(message);
  });

  it.each([
    ["NaN", NaN, "non_finite_number", "The KL of solver-4.00 on sample 3 is NaN"],
    ["infinity", Infinity, "non_finite_number", "on sample 3 is Infinity"],
  ])("refuses %s, by plan and sample", (_, wrong, reason, message) => {
    const kl = Array.from({ length: SAMPLES }, (__, n) => (n === 3 ? wrong : 1));
    const failure = expectFailure(over(tokensOf(new Random(6))).sumsOf("solver-4.00", kl));
    expect(failure.reason).toBe(reason);
    expect(failure.message).toContain(message);
  });

  it("refuses a multiple of a plan that does not differ from the unquantized model", () => {
    const bootstrap = over(tokensOf(new Random(7)));
    const nothing = expectValue(bootstrap.sumsOf("solver-16.00", Array<number>(SAMPLES).fill(0)));
    const failure = expectFailure(bootstrap.factor(nothing, nothing));
    expect(failure.reason).toBe("no_divergence");
    expect(failure.message).toContain("The KL of solver-16.00 is not above zero");
  });
});

describe("the word for a plan", () => {
  const random = new Random(8);
  const hardness = hardnessOf(random);
  const bootstrap = over(tokensOf(random));
  const sums = (plan: string, mean: number): KlSums =>
    expectValue(bootstrap.sumsOf(plan, klOf(random, hardness, mean)));
  const eight = (mean: number): readonly KlSums[] =>
    Array.from({ length: 8 }, (_, n) => sums(`random_${n + 1}-4.00`, mean));
  const contest = (plan: number, controls: number, inverted: number): Contest => ({
    budget: 4,
    plan: sums("solver-4.00", plan),
    random: eight(controls),
    others: [sums("inverted-4.00", inverted)],
  });
  const TRAINED = { provenAbove: 1.2, weights: "real" } as const;
  const judged = (of: Contest, standard: Standard = TRAINED) =>
    expectValue(verdictOf(bootstrap, of, standard));

  it("is proven where the plan is far better than the mean of random ones", () => {
    const { word, factor } = judged(contest(1, 4, 8));
    expect(word).toBe("proven");
    expect(factor.value).toBeGreaterThan(3.5);
    expect(factor.low).toBeGreaterThan(1.2);
  });

  it("is unproven where it is better by less than the bound", () => {
    const { word, factor } = judged(contest(1, 1.15, 2));
    expect(factor.low).toBeGreaterThan(1);
    expect(word).toBe("unproven");
  });

  it("is unproven where the plan is the mean of the controls", () => {
    expect(judged(contest(4, 4, 8)).word).toBe("unproven");
  });

  it("is not separable where all plans are one and the same", () => {
    const plan = sums("solver-4.00", 1);
    const named = (name: string): KlSums => ({ ...plan, plan: name });
    const verdict = judged({
      budget: 4,
      plan,
      random: ["random_1-4.00", "random_2-4.00"].map(named),
      others: [named("inverted-4.00")],
    });
    expect(verdict.word).toBe("not separable");
    expect(verdict.factor).toEqual({ value: 1, low: 1, high: 1 });
    expect(verdict.controls.factor).toEqual({ value: 1, low: 1, high: 1 });
  });

  it("is never proven on random weights, and the figures stay as they were measured", () => {
    const onRandom = (of: Contest) => judged(of, { ...TRAINED, weights: "random" });
    const far = contest(1, 4, 8);
    expect(judged(far)).toMatchObject({ word: "proven", because: null });
    expect(onRandom(far)).toEqual({
      ...judged(far),
      word: "unproven",
      because: "random weights",
    });
    expect(onRandom(contest(4, 4, 8))).toMatchObject({ word: "unproven" });
    const plan = sums("solver-4.00", 1);
    const twin = (name: string): KlSums => ({ ...plan, plan: name });
    const alike = {
      budget: 4,
      plan,
      random: [twin("random_1-4.00")],
      others: [twin("inverted-4.00")],
    };
    expect(onRandom(alike)).toMatchObject({ word: "not separable", because: null });
  });

  it("does not depend on the order of controls", () => {
    const of = contest(1, 2, 3);
    const reversed = { ...of, random: of.random.toReversed() };
    expect(judged(reversed)).toEqual(judged(of));
  });

  it("needs random plans", () => {
    const failure = expectFailure(
      verdictOf(bootstrap, { ...contest(1, 2, 3), random: [] }, TRAINED),
    );
    expect(failure.reason).toBe("no_controls");
  });
});
