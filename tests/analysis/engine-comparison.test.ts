import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { agreements } from "../../src/analysis/engine-comparison/agreement.ts";
import { engineAnswer } from "../../src/analysis/engine-comparison/answer.ts";
import { engineComparisonJson } from "../../src/analysis/engine-comparison/comparison-json.ts";
import { engineComparisonMarkdown } from "../../src/analysis/engine-comparison/comparison-markdown.ts";
import {
  OWN_DRAW,
  type EngineComparison,
} from "../../src/analysis/engine-comparison/comparison.ts";
import { enginePlanNames } from "../../src/analysis/engine-comparison/engine-plans.ts";
import { judgeEngines } from "../../src/analysis/engine-comparison/judge-engines.ts";
import { verdictOf } from "../../src/analysis/engine-comparison/pairs.ts";
import { alignedOpinions } from "../../src/analysis/engine-comparison/opinions.ts";
import {
  plansOverviewJson,
  readPlansOverview,
} from "../../src/analysis/engine-comparison/plans-overview.ts";
import { PairedBootstrap } from "../../src/analysis/quality/paired-bootstrap.ts";
import { enginesPage } from "../../src/analysis/engine-comparison-page/page.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { LAYERS, measuredWorld, scoresOf, truth } from "./engine-comparison-material.ts";

const CANDIDATES = [{ name: "wint8_aint8", bits: 8 }];
const own = (engine: string, score: (n: number) => number) => ({
  engine,
  draw: OWN_DRAW,
  scores: [scoresOf(engine, score)],
});
const drawn = (engine: string, draw: string, score: (n: number) => number) => ({
  ...own(engine, score),
  draw,
});
const wrong = (n: number): number => 1 / truth(n);
const compared = (...sources: Parameters<typeof measuredWorld>[0]): EngineComparison =>
  expectValue(judgeEngines(measuredWorld(sources)));

describe("engines by the plans that their scores lead to", () => {
  it("an engine that knows the truth is better than one that has it upside down", () => {
    const comparison = compared(
      own("wrong", wrong),
      drawn("wrong", "draw_2", wrong),
      own("right", truth),
      drawn("right", "draw_2", truth),
    );
    expect(comparison.engines.map(({ engine }) => engine)).toEqual(["right", "wrong"]);
    expect(comparison.pairs).toMatchObject([
      { better: "right", worse: "wrong", verdict: "better" },
    ]);
    const [pair] = comparison.pairs;
    expect(pair?.budgets).toEqual({ above: 3, below: 0, same: 0, all: 3 });
    expect(pair?.factor.low).toBeGreaterThan(pair?.spread ?? NaN);
    expect(pair?.without_one?.value).toBeLessThan(pair?.factor.value ?? NaN);
    expect(pair?.without_one?.value).toBeGreaterThan(pair?.range.lowest ?? NaN);
    expect(engineAnswer(comparison).headline).toBe("Scores of right led to the better models here");
    // Where nearly all is quantized, no choice of layers can be much better than chance.
    const words = comparison.budgets.map(
      ({ engines }) => engines.find(({ engine }) => engine === "right")?.word,
    );
    expect(words).toEqual(["unproven", "proven", "proven"]);
  });

  it("with a single draw nothing is said of the engines, since it is not known what another changes", () => {
    const comparison = compared(own("wrong", wrong), own("right", truth));
    expect(comparison.pairs).toMatchObject([{ spread: null, verdict: "draws not known" }]);
    const { headline, points } = engineAnswer(comparison);
    expect(headline).toBe("No engine is shown to be better than another here");
    expect(points.map(({ text }) => text).join(" ")).not.toContain("more than another draw");
  });

  it("engines that are all worse than chance are said to be", () => {
    const { headline } = engineAnswer(
      compared(
        own("wrong", wrong),
        own("other", (n) => 3 * wrong(n)),
      ),
    );
    expect(headline).toMatch(/none of them is better than random plans$/);
  });

  it("groups measured alone lead to a plan that is no worse than any engine's", () => {
    const { budgets } = compared(own("wrong", wrong), own("right", truth));
    for (const { controls, engines } of budgets) {
      const alone = controls.find(({ kind }) => kind === "alone")?.kl.value ?? NaN;
      // Luck is 2 % of a sample in that world.
      for (const { kl } of engines) expect(alone).toBeLessThan(kl.value * 1.02);
    }
  });

  it("two engines with the same scores are not told apart", () => {
    const { pairs, agreement } = compared(
      own("one", truth),
      own("other", (n) => 5 * truth(n)),
    );
    expect(pairs).toMatchObject([{ verdict: "not separable" }]);
    expect(agreement).toMatchObject([{ all: { spearman: 1, kendall: 1 } }]);
  });

  it("a difference that another draw makes as well is no difference between engines", () => {
    const nearly = (n: number): number => truth(n) * (n % 5 === 0 ? 3 : 1);
    const comparison = compared(
      own("steady", truth),
      drawn("steady", "draw_2", truth),
      own("moody", nearly),
      drawn("moody", "draw_2", wrong),
    );
    const moody = comparison.engines.find(({ engine }) => engine === "moody");
    expect(moody?.spread?.low).toBeGreaterThan(1);
    expect(comparison.pairs).toMatchObject([{ better: "steady", verdict: "within draws" }]);
    expect(engineAnswer(comparison).headline).toBe(
      "No engine is shown to be better than another here",
    );
  });

  it("the word needs an interval above what another draw changes, and no single budget that decides", () => {
    const factor = { value: 1.3, low: 1.1, high: 1.5 };
    const of = { factor, spread: 1.05, withoutOne: factor, weights: "real" } as const;
    expect(verdictOf(of)).toBe("better");
    expect(verdictOf({ ...of, spread: 1.1 })).toBe("within draws");
    expect(verdictOf({ ...of, spread: null })).toBe("draws not known");
    expect(verdictOf({ ...of, withoutOne: { ...factor, low: 1.04 } })).toBe("depends on the size");
    expect(verdictOf({ ...of, factor: { ...factor, low: 0.99 } })).toBe("not separable");
    expect(verdictOf({ ...of, weights: "random" })).toBe("unproven");
  });

  it("random weights prove nothing, and the answer says so first", () => {
    const world = measuredWorld([own("right", truth), own("wrong", wrong)], "random");
    const comparison = expectValue(judgeEngines(world));
    for (const { engines } of comparison.budgets)
      for (const { word } of engines) expect(word).toBe("unproven");
    expect(comparison.pairs.map(({ verdict }) => verdict)).toEqual(["unproven"]);
    expect(engineAnswer(comparison).headline).toBe(
      "On random weights no engine is said to be better",
    );
    expect(engineAnswer(comparison).notice).toMatch(/never trained/);
  });

  it("a budget at which a plan changes nothing is left out, and the answer says why", () => {
    const world = measuredWorld([own("right", truth), own("wrong", wrong)]);
    const quiet = world.measured.get("heuristic-13.00");
    const [plan] = quiet?.plans ?? [];
    if (quiet === undefined || plan === undefined) throw new Error("it is measured");
    const zeros = (plan.sampleKl ?? []).map(() => 0);
    const still = { ...plan, kl: { value: 0, low: 0, high: 0 }, sampleKl: zeros };
    const measured = new Map(world.measured).set("heuristic-13.00", { ...quiet, plans: [still] });
    const comparison = expectValue(judgeEngines({ ...world, measured }));
    expect(comparison.budgets.map(({ budget }) => budget)).toEqual([9, 11]);
    expect(comparison.pairs).toMatchObject([{ budgets: { all: 2 } }]);
    const said = engineAnswer(comparison).points.find(({ lead }) => lead.startsWith("Not judged"));
    expect(said?.lead).toBe("Not judged at 13.0 bits");
    expect(said?.text).toContain("heuristic-13.00");
  });

  it("the order of engines changes no figure", () => {
    const a = compared(own("right", truth), own("wrong", wrong));
    const b = compared(own("wrong", wrong), own("right", truth));
    // Random plans take their profiles from the first engine, so only what is without them is compared.
    expect(b.pairs.map(({ better, worse }) => [better, worse])).toEqual(
      a.pairs.map(({ better, worse }) => [better, worse]),
    );
  });
});

describe("names of layers", () => {
  it("are matched over what engines put in front and behind", () => {
    const named = {
      ...own("inc", truth),
      scores: [scoresOf("inc", truth, (path) => `${path.replace("model.", "")}.module`)],
    };
    const [, inc] = expectValue(alignedOpinions(CANDIDATES, [own("modelopt", truth), named]));
    expect(inc?.problem.groups.map(({ name }) => name)).toEqual(LAYERS.map(({ name }) => name));
  });

  it("that only one engine has are refused, with engine and layer", () => {
    const scores = scoresOf("other", truth);
    const fewer = { ...scores, groups: scores.groups.slice(1) };
    const sources = [own("modelopt", truth), { ...own("other", truth), scores: [fewer] }];
    const failure = expectFailure(alignedOpinions(CANDIDATES, sources));
    expect(failure.reason).toBe("groups_differ");
    expect(failure.message).toContain("other (calibration) have no layer group model.layers.0");
    const more = expectFailure(alignedOpinions(CANDIDATES, sources.toReversed()));
    expect(more.message).toContain("modelopt (calibration) scores model.layers.0");
  });

  it("with other numbers of weights are refused", () => {
    const scores = scoresOf("other", truth);
    const groups = scores.groups.map((group) => ({ ...group, weights: group.weights + 1 }));
    const sources = [own("a", truth), { ...own("other", truth), scores: [{ ...scores, groups }] }];
    expect(expectFailure(alignedOpinions(CANDIDATES, sources)).message).toContain("1001");
  });
});

describe("ranks", () => {
  it("of an order turned around: -1, and nothing shared at either end", () => {
    const opinions = expectValue(
      alignedOpinions(CANDIDATES, [
        own("a", (n) => (n + 1) * (LAYERS[n]?.weights ?? 0)),
        own("b", (n) => (LAYERS.length - n) * (LAYERS[n]?.weights ?? 0)),
      ]),
    );
    expect(agreements(opinions, ["wint8_aint8"])).toMatchObject([
      { what: "engines", all: { spearman: -1 }, top: { k: 2, shared: 0 }, bottom: { shared: 0 } },
    ]);
  });

  it("of equal scores share no first places that could be told", () => {
    const opinions = expectValue(
      alignedOpinions(CANDIDATES, [own("a", truth), own("b", (n) => LAYERS[n]?.weights ?? 0)]),
    );
    const [agreement] = agreements(opinions, ["wint8_aint8"]);
    expect([agreement?.top.shared, agreement?.bottom.shared]).toEqual([null, null]);
  });

  it("by kind are said where there are enough groups, and not made up elsewhere", () => {
    const opinions = expectValue(alignedOpinions(CANDIDATES, [own("a", truth), own("b", truth)]));
    const [agreement] = agreements(opinions, ["wint8_aint8"]);
    expect(agreement?.kinds.map(({ count, spearman }) => [count, spearman])).toEqual(
      Array.from({ length: 4 }, () => [6, null]),
    );
  });
});

describe("plans", () => {
  it("have the names that a rule declares, before any score is known", () => {
    const sources = [own("a", truth), drawn("a", "draw_2", truth), own("b", wrong)];
    const { plans } = measuredWorld(sources);
    expect(plans.map(({ name }) => name)).toEqual(
      enginePlanNames(sources, { budgets: [9, 11, 13], randomPlans: 4 }, ["wint8_aint8"]),
    );
  });

  it("are read back as they were written, without their formats", () => {
    const { plans } = measuredWorld([own("a", truth), own("b", wrong)]);
    const bare = plans.map(({ name, kind, engine, draw, budget, bits }) => ({
      ...{ name, kind, engine, draw, budget, bits },
    }));
    expect(expectValue(readPlansOverview(plansOverviewJson(plans)))).toEqual(bare);
    expect(expectFailure(readPlansOverview('{"schema": 2, "plans": []}')).reason).toBe(
      "unsupported_schema",
    );
  });
});

describe("a factor over several budgets", () => {
  it("is the geometric mean, and turning it around gives its inverse", () => {
    const kl = fc.double({ min: 1e-9, max: 1, noNaN: true });
    const samples = fc.array(kl, { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(samples, samples, samples, samples, (a, b, c, d) => {
        const bootstrap = expectValue(PairedBootstrap.over(new Array<number>(20).fill(3), 100, 1));
        const [A, B, C, D] = [a, b, c, d].map((one, n) =>
          expectValue(bootstrap.sumsOf(String(n), one)),
        ) as [never, never, never, never];
        const there = expectValue(
          bootstrap.meanFactor([
            [A, B],
            [C, D],
          ]),
        );
        const back = expectValue(
          bootstrap.meanFactor([
            [B, A],
            [D, C],
          ]),
        );
        const one =
          expectValue(bootstrap.factor(A, B)).value * expectValue(bootstrap.factor(C, D)).value;
        expect(there.value).toBeCloseTo(Math.sqrt(one), 9);
        expect(there.value * back.value).toBeCloseTo(1, 9);
        expect(there.low).toBeLessThanOrEqual(there.high);
      }),
      { numRuns: 50 },
    );
  });
});

describe("what people read", () => {
  const comparison = compared(
    own("modelopt", truth),
    drawn("modelopt", "draw_2", (n) => truth(n) * (1 + 0.1 * (n % 3))),
    own("<inc>", wrong),
    drawn("<inc>", "draw_2", wrong),
  );

  it("is Markdown with a row for each budget and pair, and no markup of a name", () => {
    const text = engineComparisonMarkdown(comparison, { page: "p.html", picture: "p.svg" });
    expect(text).toContain("# Engines compared: a model");
    expect(text.match(/^\| (?:9|11|13)\.0 \|/gm)).toHaveLength(3);
    expect(text).toMatch(
      /\| modelopt \| &lt;inc> \| .* \| 3 of 3 \| 0 of 3 \| 0 of 3 \| .* \| \*\*better\*\* \|/,
    );
    expect(text).not.toContain("NaN");
    expect(text).not.toContain("<inc>");
  });

  it("is a page that escapes names, and has the picture inside", () => {
    const { page, picture } = enginesPage(comparison);
    expect(page).toContain("&lt;inc&gt;");
    expect(page).not.toContain("<inc>");
    expect(page).toContain("<svg");
    expect(page + picture).not.toContain("NaN");
    expect(picture.match(/class="mark [a-z]+ c\d"/g)?.length).toBe(2 * 3 + 2);
  });

  it("is JSON with a line for each item", () => {
    const text = engineComparisonJson(comparison);
    expect(JSON.parse(text)).toMatchObject({ schema: 1, pairs: [{ verdict: "better" }] });
    expect(text.match(/^ {4}\{"budget"/gm)).toHaveLength(3);
  });
});
