import { describe, expect, it } from "vitest";
import { makePlans } from "../../src/analysis/quality/make-plans.ts";
import {
  controlNames,
  ONE_PLAN,
  planBits,
  schemeControls,
  schemePlanDocument,
} from "../../src/analysis/schemes/controls.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { problemOfPairs, TINY_GROUPS } from "./bit-plan-material.ts";
import { expectFailure, expectValue } from "./figures.ts";

const CANDIDATES = ["wint4_afp16", "wfp8_afp8"];
const problem = problemOfPairs(TINY_GROUPS, CANDIDATES, 3, "stored");
const SET = { randomPlans: 8, seed: 42, candidates: CANDIDATES };

const everywhere = (of: BitProblem, format: string) => ({ formats: of.groups.map(() => format) });

describe("controls of a scheme", () => {
  it("are those that the rule declares, in that order", () => {
    const controls = expectValue(schemeControls(problem, 6, SET));
    expect(controls.map(({ name }) => name)).toEqual(controlNames(SET));
    expect(new Set(controls.map(({ name }) => name)).size).toBe(8 + 1 + 2);
  });

  it("are the random and inverted plans that a frontier has at that budget", () => {
    const frontier = expectValue(makePlans(problem, null, { ...SET, budgets: [6] }));
    const formatsOf = (name: string) => frontier.find((plan) => plan.name === name)?.formats;
    for (const { name, kind, formats } of expectValue(schemeControls(problem, 6, SET)))
      expect(formats, name).toEqual(formatsOf(kind === "uniform" ? name : `${name}-6.00`));
  });

  it("are never larger than the scheme, whatever plan's size they are made for", () => {
    const { groups } = problem;
    for (let quantized = 0; quantized <= groups.length; quantized += 1) {
      const formats = groups.map((_, g) => (g < quantized ? "wfp8_afp8" : "NONE"));
      const bits = planBits(problem, { formats });
      for (const control of expectValue(schemeControls(problem, bits, SET))) {
        if (control.kind === "uniform") continue;
        expect(planBits(problem, control), control.name).toBeLessThanOrEqual(bits + 1e-9);
      }
    }
  });

  it("of the smallest size are that one plan", () => {
    const bits = planBits(problem, everywhere(problem, "wint4_afp16"));
    const controls = expectValue(schemeControls(problem, bits, SET));
    for (const { kind, formats } of controls.filter(({ kind }) => kind !== "uniform"))
      expect(formats, kind).toEqual(everywhere(problem, "wint4_afp16").formats);
  });

  it("give no group a candidate that its shape does not allow", () => {
    const groups = problem.groups.map((group, g) =>
      g % 3 === 0
        ? {
            ...group,
            candidates: group.candidates.filter(({ format }) => format !== "wint4_afp16"),
          }
        : group,
    );
    const controls = expectValue(schemeControls({ groups }, 9, SET));
    for (const { name, formats } of controls) {
      for (const [g, group] of groups.entries())
        expect(
          group.candidates.map(({ format }) => format),
          name,
        ).toContain(formats[g]);
    }
    const [first, second] =
      controls.find(({ name }) => name === "uniform-wint4_afp16")?.formats ?? [];
    expect([first, second]).toEqual(["NONE", "wint4_afp16"]);
  });

  it("are refused below the smallest plan", () => {
    expect(expectFailure(schemeControls(problem, 3, SET)).reason).toBe("budget_unmet");
  });
});

it("equal plans are equal documents, whatever they are the plan of", () => {
  const [random, ...others] = expectValue(
    schemeControls(problem, planBits(problem, everywhere(problem, "wint4_afp16")), SET),
  );
  const uniform = others.find(({ name }) => name === "uniform-wint4_afp16");
  if (random === undefined || uniform === undefined) throw new Error("both are made");
  const document = schemePlanDocument(problem, random);
  expect(document).toBe(schemePlanDocument(problem, uniform));
  expect(JSON.parse(document)).toMatchObject({ plans: [{ name: ONE_PLAN }] });
});
