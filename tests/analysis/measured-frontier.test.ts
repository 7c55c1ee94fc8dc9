import { describe, expect, it } from "vitest";
import { measureFrontier } from "../../src/analysis/quality/measure-frontier.ts";
import {
  measuredFrontierJson,
  readMeasuredFrontier,
} from "../../src/analysis/quality/measured-frontier-json.ts";
import { overviewJson, readOverview } from "../../src/analysis/quality/overview.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { madeUpFrontier, madeUpSource } from "./measured-frontier-material.ts";

describe("a measured frontier", () => {
  const frontier = madeUpFrontier();

  it("is read back as it was written", () => {
    expect(expectValue(readMeasuredFrontier(measuredFrontierJson(frontier)))).toEqual(frontier);
  });

  it("that calls a plan of random weights proven is refused", () => {
    const random = madeUpFrontier({ weights: "random" });
    expect(random.verdicts.map(({ word }) => word)).not.toContain("proven");
    const claimed = readMeasuredFrontier(measuredFrontierJson({ ...frontier, weights: "random" }));
    expect(expectFailure(claimed).message).toContain("is proven, and weights are random");
  });

  it("has a verdict for each budget, with the factors over all controls of that size", () => {
    const [verdict] = frontier.verdicts;
    expect(frontier.verdicts.map(({ budget }) => budget)).toEqual([
      3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5,
    ]);
    expect(verdict?.plan).toBe("solver-3.50");
    expect(verdict?.word).toBe("proven");
    expect(verdict?.factor.value).toBeCloseTo(4, 0);
    expect(verdict?.random.plans).toHaveLength(8);
    expect(verdict?.against.map(({ plan }) => plan)).toEqual([
      "inverted-3.50",
      "heuristic-3.50",
      "weight_error-3.50",
    ]);
  });

  it("sets each recipe against the largest plan that is no larger", () => {
    expect(
      frontier.recipes.map(({ name, against, better }) => [name, against?.plan, better]),
    ).toEqual([
      ["INT4_AWQ_CFG", "solver-4.00", "plan"],
      ["INT8_SMOOTHQUANT_CFG", "solver-7.50", "plan"],
    ]);
  });

  it("refuses measurements of other data, by the plan's name", () => {
    const source = madeUpSource();
    const [name, document] = [...source.measured][3] ?? [];
    if (name === undefined || document === undefined) throw new Error("the fixture has plans");
    const sampleTokens = document.sampleTokens.map((tokens, n) => tokens + (n === 5 ? 1 : 0));
    const measured = new Map(source.measured).set(name, { ...document, sampleTokens });
    const failure = expectFailure(measureFrontier({ ...source, measured }));
    expect(failure.reason).toBe("basis_differs");
    expect(failure.message).toContain(name);
    expect(failure.message).toContain("the counted tokens of their samples differ");
  });
});

it("an overview is read back as it was written", () => {
  const { overview } = madeUpSource();
  expect(expectValue(readOverview(overviewJson(overview)))).toEqual(overview);
});
