import { describe, expect, it } from "vitest";
import { aloneDocument, readAlone } from "../../src/analysis/search/alone.ts";
import { searchProblemJson } from "../../src/analysis/search/problem-json.ts";
import { searchProblem } from "../../src/analysis/search/search-problem.ts";
import { costOf } from "../../src/analysis/search/weighed-groups.ts";
import { bestWithin } from "./brute-force.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { FOUR, schemeOf } from "./scheme-problems.ts";
import { alone, aloneText, FIVE, klOf, madeProblem, NAMES, PAIRS } from "./search-material.ts";

const [INT4, INT8] = PAIRS;
const BLOCKS_OF_128 = NAMES.at(-1) ?? "";

const formatsOf = (of: BitProblem, bits: number): readonly (string | undefined)[] =>
  of.groups.map(({ candidates }, g) => candidates[bestWithin(of, bits)?.choices[g] ?? -1]?.format);

describe("groups quantized alone", () => {
  it("are a plan for each group and candidate, whether an export can hold it or not", () => {
    const { problem, model } = schemeOf(FOUR, PAIRS);
    const request = { tensors: model.tensors, candidates: model.candidates, lmHead: false };
    const document = JSON.parse(expectValue(aloneDocument(problem, request))) as {
      groups: { name: string }[];
      plans: { name: string; formats: string[] }[];
    };
    // The convolution is named, and never quantized; the output layer is not asked for.
    expect(document.groups.map(({ name }) => name)).toEqual(
      Object.keys(FOUR)
        .filter((name) => name !== "lm_head")
        .toSorted(),
    );
    expect(document.plans).toHaveLength(3 * 2);
    for (const { name, formats } of document.plans) {
      const quantized = document.groups.flatMap(({ name: group }, g) =>
        formats[g] === "NONE" ? [] : [`${group} ${formats[g]}`],
      );
      expect(quantized).toEqual([name]);
      expect(name).not.toContain("patch_embed");
    }
  });

  it("have the output layer where it may be quantized", () => {
    const { problem, model } = schemeOf(FOUR, PAIRS);
    const request = { tensors: model.tensors, candidates: model.candidates, lmHead: true };
    expect(expectValue(aloneDocument(problem, request))).toContain("lm_head wint4_afp16");
  });

  it("are read by group and candidate; one that was not measured is refused", () => {
    const kl = alone();
    expect(kl(NAMES[1] ?? "", "wint4_afp16")).toEqual({ ok: true, value: 2e-3 });
    expect(kl("anything", "NONE")).toEqual({ ok: true, value: 0 });
    expect(expectFailure(kl("lm_head", "wint4_afp16"))).toMatchObject({
      reason: "not_measured_alone",
      where: "lm_head",
    });
    expect(expectFailure(readAlone("{}")).reason).toBe("wrong_structure");
  });
});

describe("the problem of a search within bits", () => {
  const { problem, all } = madeProblem({ bits: 6 });

  it("costs stored bits of groups that have a choice, none of them above the limit", () => {
    expect(problem.unit).toBe("bits");
    expect(problem.limit).toBe(6 * (4 * 8 * 256 + 8 * 200));
    expect(problem.groups.map(({ name }) => name)).toEqual(NAMES);
    expect(problem.groups.at(-1)?.candidates.map(({ format }) => format)).toEqual([INT8, "NONE"]);
    expect(costOf(problem, [INT4, INT8, "NONE", "NONE", INT8].map(String))).toBe(
      2048 * (4.25 + 8 + 16 + 16) + 1600 * 8,
    );
  });

  it("begins at the best plan by scores, and at the best by measured divergences", () => {
    const [scores, measured] = problem.starts;
    const fit = all.groups.map((group) => ({
      ...group,
      candidates: group.candidates.filter(
        ({ format }) => group.name !== BLOCKS_OF_128 || format !== INT4,
      ),
    }));
    const byAlone = fit.map((group) => ({
      ...group,
      candidates: group.candidates.map((candidate) => ({
        ...candidate,
        score: candidate.format === "NONE" ? 0 : klOf(group.name, candidate.format),
      })),
    }));
    expect(scores?.formats).toEqual(formatsOf({ groups: fit }, 6));
    expect(measured?.formats).toEqual(formatsOf({ groups: byAlone }, 6));
    expect(scores?.formats).not.toEqual(measured?.formats);
    for (const { formats } of problem.starts)
      expect(costOf(problem, formats)).toBeLessThanOrEqual(problem.limit ?? 0);
  });

  it("says so in its document, by the keys that the op reads", () => {
    const document = JSON.parse(searchProblemJson(problem)) as Record<string, unknown>;
    expect(Object.keys(document)).toEqual([
      "schema",
      "unit",
      "limit",
      "goal",
      "groups",
      "kept",
      "starts",
      "frontier",
    ]);
    expect(document).toMatchObject({ schema: 1, unit: "bits", goal: null, frontier: [] });
    const [first] = document["groups"] as object[];
    expect(first).toEqual({
      name: NAMES[0],
      modules: [NAMES[0]],
      candidates: [
        { format: INT4, cost: 2048 * 4.25, alone: 1e-3 },
        { format: INT8, cost: 2048 * 8, alone: 1e-5 },
        { format: "NONE", cost: 2048 * 16, alone: 0 },
      ],
    });
  });

  it("refuses what no plan meets, as a choice without a search does", () => {
    const { problem: groups, model } = schemeOf(FIVE, PAIRS);
    const request = { choice: { bits: 3 }, starts: ["scores"], lmHead: false } as const;
    expect(expectFailure(searchProblem(groups, model, request, alone())).reason).toBe(
      "budget_unmet",
    );
  });
});

describe("the problem of a search within gigabytes", () => {
  it("names what stays unquantized, and leaves its bytes out of the limit", () => {
    const { problem: groups, model } = schemeOf(FOUR, PAIRS);
    const measured = expectValue(readAlone(aloneText(Object.keys(FOUR))));
    const gigabytes = 6.5e-6;
    const request = { choice: { gigabytes }, starts: ["scores"], lmHead: false } as const;
    const problem = expectValue(searchProblem(groups, model, request, measured));
    expect(problem.unit).toBe("bytes");
    expect(problem.kept.map(({ name }) => name)).toEqual(["model.visual.patch_embed.proj"]);
    const [start] = problem.starts;
    expect(problem.limit).toBe(6500 - problem.fixedBytes);
    expect(problem.fixedBytes + costOf(problem, start?.formats ?? [])).toBeLessThanOrEqual(6500);
    const unquantized = problem.groups.map(() => "NONE");
    expect(problem.fixedBytes + costOf(problem, unquantized)).toBe(model.tensors.bytes);
  });
});

describe("the problem of a goal", () => {
  const { problem } = madeProblem({ goal: { kl: 1e-3 } });

  it("is the frontiers of all starts by rising bytes, whole for each start, and none that quantizes nothing", () => {
    expect(problem).toMatchObject({
      unit: "bytes",
      limit: null,
      starts: [],
      goal: { figure: "kl", bound: 1e-3, confidence: 0.95 },
    });
    const { frontier } = problem;
    expect(new Set(frontier.map(({ start }) => start))).toEqual(new Set(["scores", "alone"]));
    expect(frontier.map(({ cost }) => cost)).toEqual(
      frontier.map(({ cost }) => cost).toSorted((a, b) => a - b),
    );
    const plans = (start?: string): string[] =>
      frontier.filter((plan) => plan.start === start).map(({ formats }) => formats.join(" "));
    for (const start of ["scores", "alone"] as const) {
      // As if there were no other start: also those plans that both have.
      const only = madeProblem({ goal: { kl: 1e-3 } }, [start]).problem.frontier;
      expect(plans(start)).toEqual(only.map(({ formats }) => formats.join(" ")));
      expect(new Set(plans(start)).size).toBe(plans(start).length);
      expect(plans(start)).not.toContain(problem.groups.map(() => "NONE").join(" "));
    }
    expect(plans("scores").some((plan) => plans("alone").includes(plan))).toBe(true);
    for (const { cost, formats } of frontier) expect(cost).toBe(costOf(problem, formats));
    // The smallest plan there is begins the list.
    expect(frontier[0]?.formats).toEqual([INT4, INT4, INT4, INT4, INT8]);
  });

  it("has at most 256 plans of a model with more", () => {
    const layers = Object.fromEntries(
      Array.from({ length: 24 }, (_, n) => [
        `model.language_model.layers.${n}.mlp.down_proj`,
        { shape: [8, 128 * (1 + (n % 5))], scores: [1 + ((n * 7) % 11), 0.01 * (1 + (n % 3))] },
      ]),
    );
    const { problem: groups, model } = schemeOf(layers, PAIRS);
    const measured = expectValue(readAlone(aloneText(Object.keys(layers))));
    const request = {
      choice: { goal: { kl: 1 } },
      starts: ["scores", "alone"],
      lmHead: false,
    } as const;
    const { frontier } = expectValue(searchProblem(groups, model, request, measured));
    expect(frontier.length).toBeGreaterThan(100);
    expect(frontier.length).toBeLessThanOrEqual(256);
  });

  it("takes another figure and confidence over", () => {
    const { problem: other } = madeProblem({
      goal: { top1_agreement: 0.9, confidence: 0.8 },
    });
    expect(other.goal).toEqual({ figure: "top1_agreement", bound: 0.9, confidence: 0.8 });
  });
});
