import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Figure } from "../../src/analysis/quality/figures.ts";
import type { MeasuredFrontier, Word } from "../../src/analysis/quality/measured-frontier.ts";
import { WORDS } from "../../src/analysis/quality/measured-frontier.ts";
import { answerOf } from "../../src/analysis/quality-report/answer.ts";
import { correlationRows } from "../../src/analysis/quality-report/correlation-rows.ts";
import {
  budgetWords,
  intervalText,
  inverse,
  percentText,
  perplexityText,
  smallText,
  timesText,
} from "../../src/analysis/quality-report/figure-text.ts";
import { planRows } from "../../src/analysis/quality-report/plan-rows.ts";
import { qualityMarkdown } from "../../src/analysis/quality-report/quality-markdown.ts";
import { budgetRuns } from "../../src/analysis/quality-report/runs.ts";
import { madeUpFrontier } from "./measured-frontier-material.ts";

const FILES = {
  page: "quality.html",
  frontier: "quality-frontier.svg",
  predicted: "quality-predicted.svg",
};

const frontier = madeUpFrontier();
const figure = (value: number, low: number, high: number): Figure => ({ value, low, high });

/** The same plans, judged otherwise: a word and a factor for each budget. */
const judged = (
  ...words: readonly (readonly [word: Word, factor: Figure])[]
): MeasuredFrontier => ({
  ...frontier,
  verdicts: frontier.verdicts.slice(0, words.length).map((verdict, n) => {
    const [word = "unproven", factor = verdict.factor] = words[n] ?? [];
    return { ...verdict, word, factor };
  }),
});

const leads = (shown: MeasuredFrontier): readonly string[] =>
  answerOf(shown).points.map(({ lead }) => lead);
const textOf = (shown: MeasuredFrontier, lead: string): string =>
  answerOf(shown).points.find((point) => point.lead.startsWith(lead))?.text ?? "";

describe("the answer", () => {
  it("says in plain words what is proven, what recipes do, and what controls do", () => {
    const { notice, headline, points } = answerOf(madeUpFrontier({ budgets: [4, 6] }));
    expect(notice).toBeNull();
    expect(headline).toBe("Plans by sensitivity are proven at all 2 sizes, 4.0 and 6.0 bits");
    expect(points.map(({ lead }) => lead)).toEqual([
      "Proven at 4.0 and 6.0 bits",
      "The plan by sensitivity beats INT4 AWQ",
      "INT8 SmoothQuant has no rival of its size",
      "Against the luckiest random plan",
      "Against the usual heuristic (first and last blocks and down_proj larger)",
      "Against plans by weight error",
      "Against inverted plans (most sensitive layers smallest)",
    ]);
    expect(points[0]?.text).toMatch(
      /^8 random plans of the same size lose on average [\d.]+(?: to [\d.]+)? times as much as the plan by sensitivity, and the 95 % interval stays above 1\.2 at each of these sizes\.$/,
    );
    expect(points[1]?.text).toMatch(
      /^uniform INT4 AWQ \(4\.25 bits, weights at 4 bits\) loses [\d.]+ \([\d.]+ to [\d.]+\) times as much as solver-4\.00 \(4\.00 bits\)\.$/,
    );
    expect(points[2]?.text).toMatch(
      /^solver-6\.00 \(6\.00 bits\) loses .* \(8\.00 bits, .*, but it is 2\.00 bits smaller: a larger budget has to be measured\.$/,
    );
    expect(points[3]?.text).toBe(
      "the plan by sensitivity has the lower KL at 2 of 2 sizes (4.0 and 6.0 bits); no interval says how sure that is.",
    );
    expect(points[4]?.text).toMatch(
      /^better at all 2 sizes \(4\.0 and 6\.0 bits\), where the control loses [\d.]+(?: to [\d.]+)? times as much\.$/,
    );
  });

  it("says in the headline where a control is better than what is proven", () => {
    const verdicts = frontier.verdicts.map((verdict, n) => ({
      ...verdict,
      against: n < 2 ? [{ plan: "weight_error-3.50", factor: figure(0.3, 0.2, 0.4) }] : [],
    }));
    expect(answerOf({ ...frontier, verdicts }).headline).toBe(
      "Plans by sensitivity are proven at all 9 sizes, 3.5 to 7.5 bits, but a control beats them at 2",
    );
  });

  it("names the sizes of each word, neighbours as one range", () => {
    const proven = ["proven", figure(3, 2, 4)] as const;
    const open = ["unproven", figure(1.3, 1.1, 1.5)] as const;
    const level = ["not separable", figure(1, 0.8, 1.2)] as const;
    const shown = judged(proven, proven, open, proven, level);
    expect(leads(shown).slice(0, 3)).toEqual([
      "Proven at 3.5, 4.0 and 5.0 bits",
      "Not separable at 5.5 bits",
      "Unproven at 4.5 bits",
    ]);
    expect(answerOf(shown).headline).toBe(
      "Plans by sensitivity are proven at 3 of 5 sizes, 3.5, 4.0 and 5.0 bits",
    );
    expect(textOf(shown, "Not separable")).toContain("These sizes judge no plan, good or bad");
  });

  it("says of unproven plans whether they are better by too little, level, or worse", () => {
    const shown = judged(
      ["unproven", figure(1.3, 1.1, 1.5)],
      ["unproven", figure(1, 0.9, 1.1)],
      ["unproven", figure(0.6, 0.5, 0.7)],
    );
    expect(answerOf(shown).headline).toBe("Plans by sensitivity are proven at none of 3 sizes");
    expect(textOf(shown, "Unproven at 3.5 to 4.5 bits")).toBe(
      "at 3.5 bits random plans lose more (1.3 times as much), but it is not shown to be more than 1.2 times; " +
        "at 4.0 bits the plan by sensitivity is not shown to differ from random plans of the same size (they lose 1.0 times as much, and the interval includes 1); " +
        "at 4.5 bits the plan by sensitivity is worse than random plans of the same size (they lose 0.60 times as much).",
    );
  });

  it("says where a recipe is better, level, or has no plan of its size", () => {
    const [recipe] = frontier.recipes;
    if (recipe === undefined) throw new Error("the fixture has no recipe");
    const against = { plan: "solver-4.00", factor: figure(0.5, 0.4, 0.8) };
    const of = (changed: Partial<typeof recipe>): MeasuredFrontier => ({
      ...frontier,
      recipes: [{ ...recipe, name: "INT4_AWQ_CFG", ...changed }],
    });
    const better = of({ against, better: "recipe" });
    expect(textOf(better, "INT4 AWQ beats the plan by sensitivity")).toBe(
      "solver-4.00 (4.00 bits) loses 2.0 (1.3 to 2.5) times as much as uniform INT4 AWQ (4.25 bits, weights at 4 bits).",
    );
    const level = of({
      against: { ...against, factor: figure(1, 0.9, 1.2) },
      better: "not separable",
    });
    expect(textOf(level, "The plan by sensitivity and INT4 AWQ cannot be told apart")).toContain(
      "the interval includes 1",
    );
    expect(textOf(of({ against: null, better: null }), "INT4 AWQ has no rival")).toBe(
      "no plan by sensitivity is as small as 4.25 bits.",
    );
    expect(leads(of({ name: "OTHER_CFG" }))).toContain("The plan by sensitivity beats OTHER_CFG");
  });

  it("begins with a notice where weights are random, and no headline sounds like an answer", () => {
    const shown = madeUpFrontier({ weights: "random" });
    const { notice, headline } = answerOf(shown);
    expect(notice).toContain("show only that measuring works");
    expect(headline).toMatch(/^On random weights, /);
    const [title, , first] = qualityMarkdown(shown, FILES).split("\n\n");
    expect(title).toBe("# Measured quality of plans: qwen3_vl_tiny");
    expect(first).toMatch(/^> \*\*Random weights\.\*\* This model was never trained/);
  });

  it("calls no plan of random weights proven, in any table or sentence", () => {
    const shown = madeUpFrontier({ weights: "random" });
    expect(Math.min(...shown.verdicts.map(({ factor }) => factor.low))).toBeGreaterThan(1.2);
    const text = qualityMarkdown(shown, FILES);
    expect(text).not.toMatch(/\| \*\*proven\*\*|\(proven\)|\*\*Proven/);
    expect(text.match(/\*\*unproven\*\* \(random weights\)/g)).toHaveLength(shown.verdicts.length);
    expect(answerOf(shown).headline).toMatch(/^On random weights, .* proven at none of 9 sizes$/);
    expect(leads(shown)).toContain("Unproven at 3.5 to 7.5 bits, since weights are random");
    const recipes = planRows(shown).filter(({ kind }) => kind === "recipe");
    for (const { word } of recipes) expect(word).toMatch(/\(unproven \(random weights\)\)$/);
  });

  it("names controls that there are none of, and why", () => {
    const left_out = [{ control: "weight_error", because: "it cannot score wint8_aint8" }];
    expect(textOf({ ...frontier, left_out }, "No weight_error")).toBe(
      "it cannot score wint8_aint8",
    );
  });
});

describe("rows", () => {
  it("have every plan and recipe once, each with its word", () => {
    const rows = planRows(frontier);
    expect(rows.map(({ measured }) => measured.name)).toEqual(
      [...frontier.plans, ...frontier.recipes].map(({ name }) => name),
    );
    for (const { kind, word, proof } of rows) {
      expect(word).toMatch(
        kind === "solver"
          ? /^proven$/
          : kind === "recipe"
            ? /^worse than solver-[\d.]+ of [\d.]+ bits \(proven\)$/
            : /^control$/,
      );
      expect(proof !== null).toBe(kind === "solver");
    }
  });

  it("repeat the verdict's word, whatever it is", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...WORDS), { minLength: 9, maxLength: 9 }), (words) => {
        const shown = judged(...words.map((word) => [word, figure(1, 0.9, 1.1)] as const));
        const solver = planRows(shown).filter(({ kind }) => kind === "solver");
        expect(solver.map(({ word }) => word)).toEqual(words);
        const table = tableBelow(qualityMarkdown(shown, FILES), "## Plans by size");
        expect(table.slice(2).map((cells) => cells.at(-1))).toEqual(
          words.map((word) => `**${word}**`),
        );
      }),
      { numRuns: 20 },
    );
  });

  it("of correlations say where there are too few pairs", () => {
    const few = { ...frontier.correlations.alone.all, count: 3, spearman: null, too_few: true };
    const { rows } = correlationRows({
      ...frontier,
      correlations: {
        ...frontier.correlations,
        alone: { ...frontier.correlations.alone, all: few },
      },
    });
    expect(rows[0]?.cells[0]).toEqual({ text: "too few (3)", value: null });
    expect(rows.map(({ what }) => what)).toEqual([
      "layer groups alone",
      "language q k v",
      "language o",
      "language gate up",
      "language down",
      "whole plans",
    ]);
  });
});

/** The cells of the first table below a heading. */
function tableBelow(markdown: string, heading: string): readonly (readonly string[])[] {
  const [, below = ""] = markdown.split(`${heading}\n`);
  const [table = ""] = /^\|(?:.*\n\|)*.*/m.exec(below) ?? [];
  return table.split("\n").map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

describe("the Markdown", () => {
  const text = qualityMarkdown(frontier, FILES);

  it("has a row for each budget and one for each uniform format and recipe", () => {
    const budgets = tableBelow(text, "## Plans by size");
    expect(budgets.slice(2).map(([budget]) => budget)).toEqual(
      frontier.verdicts.map(({ budget }) => budgetWords(budget)),
    );
    const solver = frontier.plans.find(({ name }) => name === "solver-4.00");
    const row = budgets.find(([budget]) => budget === "4.0");
    expect(row?.[2]).toBe(smallText(solver?.kl.value ?? NaN));
    expect(new Set(budgets.map((cells) => cells.length)).size).toBe(1);
    const recipes = tableBelow(text, "## Uniform formats and recipes").slice(2);
    expect(recipes.map(([name]) => name)).toEqual([
      "`uniform-wint3_afp16`",
      "`uniform-wint4_afp16`",
      "`uniform-wint8_afp16`",
      "INT4 AWQ (`INT4_AWQ_CFG`)",
      "INT8 SmoothQuant (`INT8_SMOOTHQUANT_CFG`)",
    ]);
  });

  it("says what was compared on how much data, and shows both pictures", () => {
    expect(text).toContain(
      `${frontier.held_out.samples} samples with ${frontier.held_out.tokens} counted tokens`,
    );
    for (const name of Object.values(FILES)) expect(text).toContain(`](${name})`);
    expect(text).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("shows names as they are, whatever is in them", () => {
    const name = "<b>|*a*`\n";
    const [candidate] = frontier.candidates;
    const hostile = qualityMarkdown(
      {
        ...frontier,
        name,
        model: name,
        size: name,
        held_out: { ...frontier.held_out, part: name },
        scores: { engine: name, method: name },
        candidates: [{ name, bits: candidate?.bits ?? 3 }],
        recipes: frontier.recipes.map((recipe) => ({ ...recipe, name })),
      },
      FILES,
    );
    expect(hostile).not.toContain("<b>");
    expect(hostile).not.toMatch(/(?<!\\)\*a/);
    for (const heading of ["## Plans by size", "## Uniform formats and recipes"]) {
      expect(new Set(tableBelow(hostile, heading).map((cells) => cells.length)).size).toBe(1);
    }
  });
});

describe("figures as text", () => {
  it("have the digits that say something", () => {
    expect([0.952, 1.2, 2.408, 12.34, 123.4, 12345].map((value) => timesText(value))).toEqual([
      "0.952",
      "1.20",
      "2.41",
      "12.3",
      "123",
      "1.2e4",
    ]);
    expect([1.363, 27.41, 4096.4, 2.5e7].map(perplexityText)).toEqual([
      "1.363",
      "27.41",
      "4096",
      "2.50e7",
    ]);
    expect(percentText(0.98765)).toBe("98.77 %");
    expect(intervalText(figure(2, 1.5, 2.5))).toBe("2.00 (1.50 to 2.50)");
    expect(inverse(figure(0.5, 0.4, 0.8))).toEqual(figure(2, 1.25, 2.5));
  });

  it("of budgets name the meant ones and no others", () => {
    const all = [3, 3.5, 4, 4.25, 5];
    fc.assert(
      fc.property(fc.subarray(all), (meant) => {
        const read = budgetRuns(all, new Set(meant))
          .split(/, | and /)
          .filter(Boolean)
          .flatMap((run) => {
            const [from = 0, to = from] = run.split(" to ").map(Number);
            return all.filter((budget) => budget >= from && budget <= to);
          });
        expect(read).toEqual(meant);
      }),
    );
  });
});
