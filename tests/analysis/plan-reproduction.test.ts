import { describe, expect, it } from "vitest";
import * as bitPlans from "../../rules/comparers/bit-plans.ts";
import * as schemes from "../../rules/comparers/schemes.ts";
import { schemeJson } from "../../src/analysis/schemes/scheme-document.ts";
import type { Scheme } from "../../src/analysis/schemes/scheme.ts";
import { madeScheme } from "./scheme-material.ts";

const scheme = madeScheme("top25", 3).scheme;

const schemeAgain = (made: Scheme) =>
  schemes.reproduce({
    published: { name: "published", text: schemeJson(scheme) },
    made: { name: "made", text: schemeJson(made) },
  });

/** A plan of two layers, as much of it as is read. */
const plan = (formats: readonly string[], bits = 6): string =>
  JSON.stringify({
    schema: 2,
    name: "small",
    candidates: ["int4", "int8"],
    request: { budget: { bits } },
    achieved: { bits: 6, gigabytes: 1, score: 1.5 },
    frontier: { points: 3, given: "all" },
    layers: formats.map((format, n) => ({
      name: `layers.${n}`,
      modules: [`layers.${n}.up`, `layers.${n}.gate`],
      weights: 16,
      format,
      bits: 4,
      score: n,
    })),
  });

const planAgain = (made: string) =>
  bitPlans.reproduce({
    published: { name: "published", text: plan(["int4", "int8"]) },
    made: { name: "made", text: made },
  });

describe("whether a scheme comes out again", () => {
  it("does where every layer has the same format, whatever its score is", () => {
    const { achieved } = scheme;
    const other = { ...scheme, achieved: { ...achieved, score: (achieved.score ?? 0) + 1 } };
    expect(schemeAgain(other)).toMatchObject({ verdict: "agrees", reasons: [] });
  });

  it("does not where a layer has another format, or something else was asked for", () => {
    const [first, ...rest] = scheme.layers;
    if (first === undefined) throw new Error("a scheme has layers");
    const flipped = { ...scheme, layers: [{ ...first, format: "other" }, ...rest] };
    expect(schemeAgain(flipped)).toMatchObject({ verdict: "differs" });
    const [layer] = scheme.layers;
    const dropped = [{ group: layer?.group ?? "", candidate: "int4", because: "it is narrow" }];
    expect(schemeAgain({ ...scheme, dropped: [...scheme.dropped, ...dropped] })).toMatchObject({
      verdict: "differs",
      summary: "candidates that one side alone left out: 0 published, 1 here",
    });
    expect(schemeAgain({ ...scheme, size: "small" })).toMatchObject({
      verdict: "differs",
      reasons: [{ field: "calibration size", published: scheme.size, made: "small" }],
    });
  });
});

describe("whether a bit plan comes out again", () => {
  it("does where every module has the same format", () => {
    expect(planAgain(plan(["int4", "int8"]))).toMatchObject({ verdict: "agrees", reasons: [] });
  });

  it("does not where one has another, or another budget was asked for", () => {
    const flipped = planAgain(plan(["int4", "int4"]));
    expect(flipped).toMatchObject({ verdict: "differs" });
    expect(flipped.summary).toContain("2 of 4 (layers.1: int8 → int4)");
    expect(planAgain(plan(["int4", "int8"], 5))).toMatchObject({
      verdict: "differs",
      reasons: [{ field: "request.budget.bits", published: "6", made: "5" }],
    });
  });

  it.each([
    ["gigabytes", '"gigabytes":1', '"gigabytes":2'],
    ["weights of a layer", '"weights":16', '"weights":32'],
    ["bits of a layer", '"bits":4', '"bits":4.5'],
  ])("does not where %s are others", (_what, old, other) => {
    const made = plan(["int4", "int8"]).replace(old, other);
    expect(made).toContain(other);
    expect(planAgain(made)).toMatchObject({ verdict: "differs" });
  });

  it("cannot be told of something else", () => {
    expect(planAgain("{}")).toMatchObject({ verdict: "not_compared" });
    const a = { name: "a", text: "[]" };
    expect(bitPlans.compare({ a, b: a, options: {} })).toMatchObject({ ok: false });
  });
});
