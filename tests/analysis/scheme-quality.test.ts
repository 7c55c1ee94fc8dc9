import { describe, expect, it } from "vitest";
import { judgeScheme } from "../../src/analysis/schemes/judge-scheme.ts";
import {
  plannedSizesJson,
  readPlannedSizes,
  type PlannedSize,
} from "../../src/analysis/schemes/planned-sizes.ts";
import {
  readSchemeQuality,
  schemeQualityJson,
} from "../../src/analysis/schemes/scheme-quality-json.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { fp8Problem, madeScheme, qualityOf } from "./scheme-material.ts";

const made = madeScheme("top50", 6);
const quality = qualityOf(made);
const sizesOf = ({ source }: typeof made): readonly PlannedSize[] => {
  if (!("sizes" in source.against)) throw new Error("it has controls");
  return source.against.sizes;
};

describe("a measured scheme", () => {
  it("is read back as it was written", () => {
    expect(expectValue(readSchemeQuality(schemeQualityJson(quality)))).toEqual(quality);
    const sizes = sizesOf(made);
    expect(expectValue(readPlannedSizes(plannedSizesJson(sizes)))).toEqual(sizes);
  });

  it("is judged against random and inverted plans of its own size", () => {
    const { verdict, bits } = quality;
    expect(verdict).toMatchObject({ plan: "scheme", budget: bits, word: "proven", because: null });
    expect(verdict?.random.plans).toHaveLength(8);
    expect(verdict?.against.map(({ plan }) => plan)).toEqual(["inverted"]);
    expect(verdict?.random_bits.highest).toBeLessThanOrEqual(bits + 1e-9);
    expect(quality.controls.map(({ name }) => name)).toContain("uniform-wfp8_afp8");
  });

  it("that takes every layer is the only plan of its size, so nothing can be told apart", () => {
    const { verdict } = qualityOf(madeScheme("full", fp8Problem.groups.length));
    expect(verdict).toMatchObject({ word: "not separable", factor: { value: 1, low: 1, high: 1 } });
    expect(verdict?.against.map(({ plan }) => plan)).toEqual(["inverted", "uniform-wfp8_afp8"]);
  });

  it("of random weights is unproven for that reason, with the figures as measured", () => {
    const random = qualityOf(madeScheme("top50", 6, "random"));
    expect(random).toEqual({
      ...quality,
      weights: "random",
      verdict: { ...quality.verdict, word: "unproven", because: "random weights" },
    });
    const claimed = { ...random, verdict: { ...quality.verdict, word: "proven" as const } };
    const text = schemeQualityJson(claimed as typeof random);
    expect(expectFailure(readSchemeQuality(text)).message).toContain("weights are random");
  });

  it("without controls has figures, and says why it has no word", () => {
    const unjudged = "a recipe chooses no layers";
    const alone = expectValue(judgeScheme({ ...made.source, against: { unjudged } }));
    expect(alone).toMatchObject({
      verdict: null,
      unjudged,
      controls: [],
    });
    expect(alone.figures).toEqual(quality.figures);
    expect(expectValue(readSchemeQuality(schemeQualityJson(alone)))).toEqual(alone);
  });

  it("is refused where it, or a control, was measured on its calibration data", () => {
    const { source } = made;
    const leaked = judgeScheme({ ...source, measured: { ...source.measured, leaked: true } });
    expect(expectFailure(leaked)).toMatchObject({ reason: "leaked_data", where: "scheme" });
    const measured = new Map("measured" in source.against ? source.against.measured : []);
    const control = measured.get("inverted") ?? source.measured;
    measured.set("inverted", { ...control, leaked: true });
    const against = { sizes: sizesOf(made), measured };
    expect(expectFailure(judgeScheme({ ...source, against })).where).toBe("inverted");
  });

  it("is refused where its controls were made for another size, or are not measured", () => {
    const { source } = made;
    const other = sizesOf(madeScheme("top25", 3));
    const measured = "measured" in source.against ? source.against.measured : new Map();
    const wrong = judgeScheme({ ...source, against: { sizes: other, measured } });
    expect(expectFailure(wrong).message).toMatch(
      /^The scheme has [\d.]+ bits a weight, and its controls/,
    );
    const fewer = new Map(measured);
    fewer.delete("random_3");
    const missing = judgeScheme({ ...source, against: { sizes: sizesOf(made), measured: fewer } });
    expect(expectFailure(missing).message).toContain("The measurement of random_3 was not given");
  });
});
