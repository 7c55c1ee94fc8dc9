import { describe, expect, it } from "vitest";
import { schemeReport } from "../../src/analysis/scheme-report/scheme-report.ts";
import { schemeReportJson } from "../../src/analysis/scheme-report/report-json.ts";
import { schemeReportMarkdown } from "../../src/analysis/scheme-report/report-markdown.ts";
import { judgeScheme, type SchemeSource } from "../../src/analysis/schemes/judge-scheme.ts";
import type { Goal, Scheme, Searched } from "../../src/analysis/schemes/scheme.ts";
import {
  readSchemeQuality,
  schemeQualityJson,
} from "../../src/analysis/schemes/scheme-quality-json.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { madeScheme } from "./scheme-material.ts";

const GOAL: Goal = { figure: "kl", bound: 1e-3, confidence: 0.95 };

const searched = (goal: Goal | null): Searched => ({
  figure: goal?.figure ?? "kl",
  goal,
  met: goal === null ? null : true,
  settings: { measurements: 300, seed: 42, starts: ["scores"] },
  measured: 220,
  exhausted: true,
  moves: { tried: 200, better_on_search: 20, kept: 7 },
  began: { name: "scores", cost: 9, search: 4e-4, confirm: { value: 5e-4, low: 4e-4, high: 6e-4 } },
  found: { name: "found", cost: 8, search: 3e-4, confirm: { value: 4e-4, low: 3e-4, high: 5e-4 } },
});

/** A made-up scheme that was searched, with one of its random plans as the start. */
function source(goal: Goal | null): { readonly scheme: Scheme; readonly source: SchemeSource } {
  const made = madeScheme("searched", 4);
  const scheme = { ...made.scheme, search: searched(goal) };
  const { against } = made.source;
  if (!("sizes" in against)) throw new Error("it has controls");
  const start = against.measured.get("random_1");
  const random = against.sizes.find(({ name }) => name === "random_1");
  if (start === undefined || random === undefined) throw new Error("it has a random plan");
  return {
    scheme,
    source: {
      ...made.source,
      scheme,
      against: {
        sizes: [...against.sizes, { ...random, name: "start_scores", kind: "start" }],
        measured: new Map([...against.measured, ["start_scores", start]]),
      },
    },
  };
}

describe("a plan that was found by measurement", () => {
  it("is held against its starts on data that the search has not seen, by paired factors", () => {
    const quality = expectValue(judgeScheme(source(null).source));
    const start = quality.controls.find(({ name }) => name === "start_scores");
    const [factor, ...others] = quality.search?.starts ?? [];
    expect(others).toEqual([]);
    expect(factor?.plan).toBe("start_scores");
    expect(factor?.factor.value).toBeCloseTo(
      (start?.kl.value ?? NaN) / quality.figures.kl.value,
      9,
    );
    expect(quality.search?.goal).toBeNull();
    expect(expectValue(readSchemeQuality(schemeQualityJson(quality)))).toEqual(quality);
  });

  it("has the word that it has without its starts, which are no controls", () => {
    const { against, ...named } = source(null).source;
    if (!("sizes" in against)) throw new Error("it has controls");
    const sizes = against.sizes.filter(({ kind }) => kind !== "start");
    const without = expectValue(judgeScheme({ ...named, against: { ...against, sizes } }));
    expect(expectValue(judgeScheme(source(null).source)).verdict).toEqual(without.verdict);
  });

  it("has figures and no multiples where its KL is not above zero, and says why", () => {
    const { source: of } = source(GOAL);
    const [plan] = of.measured.plans;
    if (plan === undefined) throw new Error("it was measured");
    const sampleKl = of.measured.sampleTokens.map((_, n) => (n % 2 === 0 ? 1e-12 : -1e-12));
    const kl = { value: 0, low: -1e-10, high: 1e-10 };
    const figures = plan.figures === undefined ? undefined : { ...plan.figures, kl };
    const measured = { ...of.measured, plans: [{ ...plan, kl, figures, sampleKl }] };
    const quality = expectValue(judgeScheme({ ...of, measured }));
    expect(quality.verdict).toBeNull();
    expect(quality.unjudged).toMatch(/^its KL is not above zero in every resample/);
    expect(quality.search?.starts).toEqual([]);
    expect(quality.controls.map(({ kind }) => kind)).toContain("start");
    expect(expectValue(readSchemeQuality(schemeQualityJson(quality)))).toEqual(quality);
  });

  it.each(["kl", "top1_agreement", "logit_mse"] as const)(
    "has the figure of its goal by %s beside the bound",
    (figure) => {
      const goal = { ...GOAL, figure };
      const quality = expectValue(judgeScheme(source(goal).source));
      expect(quality.search?.goal).toEqual({ ...goal, here: quality.figures[figure] });
    },
  );

  it("has the ratio of perplexities, or is refused where an older measurement has none", () => {
    const goal = { ...GOAL, figure: "perplexity_ratio", bound: 1.1 } as const;
    const { source: of } = source(goal);
    const [plan] = of.measured.plans;
    if (plan === undefined) throw new Error("it was measured");
    const quality = expectValue(judgeScheme(of));
    expect(quality.search?.goal?.here).toEqual(plan.further?.perplexity_ratio);
    const older = { ...of.measured, plans: [{ ...plan, further: undefined }] };
    expect(expectFailure(judgeScheme({ ...of, measured: older }))).toMatchObject({
      reason: "wrong_structure",
      where: "perplexity_ratio",
    });
  });
});

describe("the report of a plan that was found by measurement", () => {
  const reported = (goal: Goal | null) => {
    const made = source(goal);
    const quality = expectValue(judgeScheme(made.source));
    const { scheme } = made;
    return expectValue(
      schemeReport({
        set: "s",
        title: "t",
        model: scheme.model,
        schemes: [{ scheme, quality, settings: { lm_head: false }, exports: [] }],
        skipped: [],
      }),
    );
  };

  it("says goal, met, and figures on confirm and on report", () => {
    const text = schemeReportMarkdown(reported({ ...GOAL, bound: 1 }), "p.svg");
    expect(text).toContain(
      "**Goal met on confirm: searched, KL ≤ 1 (95 %)**: 4.00e-4 (3.00e-4 to 5.00e-4) on confirm",
    );
    expect(text).toMatch(
      /\*\*Measured search against exact solvers: searched\*\*: .*start\\?_scores/,
    );
    expect(text).toContain("## Searched by measurement");
    expect(text).toMatch(/\| `searched` \| KL ≤ 1 \(95 %\): met +\| KL/);
    const [only] = (
      JSON.parse(schemeReportJson(reported({ ...GOAL, bound: 1 }))) as {
        schemes: { search: object }[];
      }
    ).schemes;
    expect(only?.search).toMatchObject({
      met: true,
      moves: { kept: 7 },
      report: { goal: { bound: 1 }, starts: [{ plan: "start_scores" }] },
    });
  });

  it("says so where the data of the report is beyond the goal that was met", () => {
    const text = schemeReportMarkdown(reported({ ...GOAL, bound: 1e-9 }), "p.svg");
    expect(text).toContain("on report, which is beyond the goal");
  });

  it("tells a value within the goal from an interval within it", () => {
    const { value, high } = reported(GOAL).schemes[0]?.quality.figures.kl ?? { value: 0, high: 0 };
    expect(value).toBeLessThan(high);
    const between = schemeReportMarkdown(reported({ ...GOAL, bound: (value + high) / 2 }), "p.svg");
    expect(between).toContain("the value is within the goal and its 95 % interval is not");
    const within = schemeReportMarkdown(reported({ ...GOAL, bound: high }), "p.svg");
    expect(within).toContain("on report, within the goal.");
  });

  it("names the confidence of intervals on confirm where it is not 95 %", () => {
    const text = schemeReportMarkdown(reported({ ...GOAL, bound: 1, confidence: 0.99 }), "p.svg");
    const [row = ""] = text.split("\n").filter((line) => line.includes("| `searched` | KL ≤ 1"));
    expect(row).toContain("(99 %): met");
    expect(row).toContain("4.00e-4 (3.00e-4 to 5.00e-4 at 99 %)");
    // Began and found, and not what was measured on report.
    expect(row.match(/ at 99 %/g)).toHaveLength(2);
  });

  it("has no table of searches where nothing was searched", () => {
    const { scheme, source: of } = madeScheme("plain", 4);
    const quality = expectValue(judgeScheme(of));
    const report = expectValue(
      schemeReport({
        set: "s",
        title: "t",
        model: scheme.model,
        schemes: [{ scheme, quality, settings: { lm_head: false }, exports: [] }],
        skipped: [],
      }),
    );
    expect(schemeReportMarkdown(report, "p.svg")).not.toContain("Searched by measurement");
    expect(schemeReportJson(report)).toContain('"search":null');
  });
});
