import { describe, expect, it } from "vitest";
import { evaluate } from "../../src/analysis/evaluation/evaluate.ts";
import { evaluationJson, readEvaluation } from "../../src/analysis/evaluation/evaluation-json.ts";
import { planDigest } from "../../src/analysis/schemes/plan-digest.ts";
import type { Scheme } from "../../src/analysis/schemes/scheme.ts";
import {
  readSchemeQuality,
  schemeQualityJson,
} from "../../src/analysis/schemes/scheme-quality-json.ts";
import { schemesOverviewJson } from "../../src/analysis/schemes-overview/overview-json.ts";
import { schemesOverviewMarkdown } from "../../src/analysis/schemes-overview/overview-markdown.ts";
import { stateOf, type ShownScheme } from "../../src/analysis/schemes-overview/overview.ts";
import { schemesPage } from "../../src/analysis/schemes-page/index.ts";
import { madeSource } from "./evaluation-material.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { evaluated, goalMet, madeOverview } from "./schemes-overview-material.ts";

/** The scheme with the formats of two layers exchanged: another plan, and every number of its size as before. */
function otherPlan<S extends Pick<Scheme, "layers">>(scheme: S): S {
  const quantized = scheme.layers.find(({ format }) => format !== "NONE");
  const kept = scheme.layers.find(({ format }) => format === "NONE");
  if (quantized === undefined || kept === undefined) throw new Error("it has both");
  const exchanged = new Map([
    [quantized.group, kept.format],
    [kept.group, quantized.format],
  ]);
  const layers = scheme.layers.map((layer) => ({
    ...layer,
    format: exchanged.get(layer.group) ?? layer.format,
  }));
  return { ...scheme, layers };
}

const files = { page: "schemes.html", picture: "schemes.svg" };
const markdownOf = (shown: ShownScheme): string =>
  schemesOverviewMarkdown({ ...madeOverview, schemes: [shown] }, files);

const withOtherPlan = <S extends ShownScheme>(shown: S): S => {
  if (shown.scheme === null) throw new Error("it is chosen");
  return { ...shown, scheme: otherPlan(shown.scheme) };
};

describe("the digest of a plan", () => {
  const { scheme } = goalMet();

  it("is that of formats by module, of scope and of size, however layers are ordered and grouped", () => {
    const digest = planDigest(scheme);
    expect(digest).toMatch(/^fnv1a64:[0-9a-f]{16}$/);
    expect(planDigest({ ...scheme, layers: scheme.layers.toReversed() })).toBe(digest);
    const split = scheme.layers.flatMap(({ modules, format }) =>
      modules.map((module) => ({ group: module, modules: [module], format })),
    );
    expect(planDigest({ ...scheme, layers: split })).toBe(digest);
    const others = [otherPlan(scheme), { ...scheme, size: "small" }, { ...scheme, layers: [] }];
    expect(new Set([digest, ...others.map(planDigest)]).size).toBe(4);
  });

  it("is FNV-1a as published", () => {
    // Of the bytes `lm`, a new line and `a`, worked out apart from this code.
    expect(planDigest({ scope: "lm", size: "a", layers: [] })).toBe("fnv1a64:e0b925ad7be616eb");
  });

  it("has to be in what was measured", () => {
    const { quality, evaluation } = { ...goalMet(), evaluation: evaluated().evaluation };
    if (evaluation === null) throw new Error("it is evaluated");
    const { plan: _, ...measured } = JSON.parse(schemeQualityJson(quality)) as { plan: string };
    expect(expectFailure(readSchemeQuality(JSON.stringify(measured))).where).toBe("plan");
    const { plan: __, ...seen } = JSON.parse(evaluationJson(evaluation)) as { plan: string };
    expect(expectFailure(readEvaluation(JSON.stringify(seen))).where).toBe("plan");
  });
});

describe("figures of another plan of the same size", () => {
  it("are not called measured", () => {
    const shown = withOtherPlan(goalMet());
    expect(shown.quality.bits).toBe(shown.scheme.achieved.bits);
    expect(stateOf(goalMet())).toBe("measured");
    expect(stateOf(shown)).toBe("measured before its plan changed");
    const text = markdownOf(shown);
    expect(text).toContain("**Figures of an earlier plan**: for_kl_1em2");
    expect(text).toContain("## 0 of 1 scheme measured, 0 proven");
    for (const lead of ["**Proven**", "**Goal met", "**Measured search against"]) {
      expect(text).not.toContain(lead);
      expect(markdownOf(goalMet())).toContain(lead);
    }
    const [, search = ""] = text.split("## Searched by measurement");
    const [row = ""] = search.split("\n").filter((line) => line.includes("`for_kl_1em2`"));
    expect(row.match(/\(figures of an earlier plan\)/g)).toHaveLength(2);
    expect(markdownOf(goalMet())).not.toContain("earlier plan");
  });

  it("are those of a plan that the search has not found last, too", () => {
    const met = goalMet();
    const { search, scheme } = met;
    if (search === null) throw new Error("it is searched");
    const groups = scheme.layers.map(({ group }) => group);
    const stateAfter = ({ layers }: Pick<Scheme, "layers">) => {
      const found = { ...search.found, formats: layers.map(({ format }) => format) };
      return stateOf({ ...met, search: { ...search, groups, found } });
    };
    expect(stateAfter(scheme)).toBe("measured");
    expect(stateAfter(otherPlan(scheme))).toBe("measured before its plan changed");
  });

  it("are marked in evaluations, with what to build", () => {
    const shown = withOtherPlan(evaluated());
    const text = markdownOf(shown);
    expect(text).toContain(
      "**Evaluations of an earlier plan**: top50 (aqm build models/m/quantized/top50/evaluation.json)",
    );
    expect(text).toContain("| `top50` | figures of an earlier plan | 1 of 2 |");
    const overview = { ...madeOverview, schemes: [shown] };
    expect(schemesPage(overview, []).page).toContain("top50 (an earlier plan)");
    const { schemes } = JSON.parse(schemesOverviewJson(overview)) as {
      schemes: { evaluation: { of_this_plan: boolean } }[];
    };
    expect(schemes[0]?.evaluation.of_this_plan).toBe(false);
  });

  it("are refused in an evaluation", () => {
    const { scheme } = madeSource();
    expect(expectFailure(evaluate(madeSource({ scheme: otherPlan(scheme) })))).toMatchObject({
      reason: "figures_disagree",
      where: "top50",
    });
    expect(expectValue(evaluate(madeSource())).plan).toBe(planDigest(scheme));
  });
});
