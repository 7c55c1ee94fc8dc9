import type { Figure } from "../../src/analysis/quality/figures.ts";
import { aloneName } from "../../src/analysis/quality/plan-document.ts";
import { readAlone, type AloneKl } from "../../src/analysis/search/alone.ts";
import {
  searchProblem,
  type SearchedChoice,
  type SearchProblem,
} from "../../src/analysis/search/search-problem.ts";
import { costOf } from "../../src/analysis/search/weighed-groups.ts";
import type { SchemeModel } from "../../src/analysis/schemes/scheme-groups.ts";
import type { SearchStart } from "../../src/analysis/schemes/scheme.ts";
import type { BitProblem } from "../../src/analysis/solve/problem.ts";
import { expectValue } from "./figures.ts";
import { schemeOf, type Layers } from "./scheme-problems.ts";

/** Four layers that two formats fit, and one that INT4 in blocks does not; measuring sees another order than scores. */
export const FIVE: Layers = {
  "model.language_model.layers.0.mlp.down_proj": { shape: [8, 256], scores: [4, 0.4] },
  "model.language_model.layers.1.mlp.down_proj": { shape: [8, 256], scores: [3, 0.3] },
  "model.language_model.layers.2.mlp.down_proj": { shape: [8, 256], scores: [2, 0.2] },
  "model.language_model.layers.3.mlp.down_proj": { shape: [8, 256], scores: [1, 0.1] },
  "model.language_model.layers.4.mlp.down_proj": { shape: [8, 200], scores: [0.5, 0.05] },
};
export const PAIRS = ["wint4_afp16", "wint8_afp16"];
export const NAMES = Object.keys(FIVE);

/** What measuring says of a group alone: the first suffers the least, against what scores say. */
export const klOf = (group: string, candidate: string): number =>
  (Number(/layers\.(\d+)/.exec(group)?.[1] ?? 0) + 1) * (candidate === "wint4_afp16" ? 1e-3 : 1e-5);

/** A measurement of groups alone, as `plan_quality` writes it. */
export function aloneText(
  names: readonly string[] = NAMES,
  pairs: readonly string[] = PAIRS,
): string {
  const one = { value: 1, low: 1, high: 1 };
  return JSON.stringify({
    schema: 1,
    op: "plan_quality",
    scope: "lm",
    held_out: { samples: 1, tokens: 5, batches: 1 },
    environment: { torch: "1.0" },
    reference: { loss: one, perplexity: one },
    sample_tokens: [5],
    plans: names.flatMap((group) =>
      pairs.map((pair) => {
        const value = klOf(group, pair);
        return { name: aloneName(group, pair), kl: { value, low: value, high: value } };
      }),
    ),
  });
}

export const alone = (): AloneKl => expectValue(readAlone(aloneText()));

export interface MadeProblem {
  readonly all: BitProblem;
  readonly model: SchemeModel;
  readonly problem: SearchProblem;
}

export function madeProblem(
  choice: SearchedChoice,
  starts: readonly SearchStart[] = ["scores", "alone"],
): MadeProblem {
  const { problem: all, model } = schemeOf(FIVE, PAIRS);
  const request = { choice, starts, lmHead: false };
  return { all, model, problem: expectValue(searchProblem(all, model, request, alone())) };
}

const around = (value: number): Figure => ({ value, low: 0.9 * value, high: 1.1 * value });

/** `search.json` of a search that ended at a plan, as the op writes it. */
export function resultText(
  problem: SearchProblem,
  formats: readonly string[],
  changes: Readonly<Record<string, unknown>> = {},
  kl = 2e-4,
): string {
  const { unit, limit, goal, groups } = problem;
  const began = problem.starts[0] ?? { ...problem.frontier[0], name: "frontier_0" };
  const plan = (of: readonly string[], value: number) => ({
    cost: costOf(problem, of),
    formats: of,
    search: { value },
    confirm: around(value),
  });
  return JSON.stringify({
    schema: 1,
    op: "measured_search",
    scope: "lm",
    candidates: PAIRS,
    unit,
    limit,
    goal,
    settings: { measurements: 300, seed: 42 },
    held_out: {},
    environment: {},
    measured: 120,
    exhausted: true,
    moves: { tried: 80, better_on_search: 20, kept: 5 },
    groups: groups.map(({ name }) => name),
    starts: [{ name: began.name, ...plan(began.formats ?? [], 3e-4) }],
    began: began.name,
    found: { ...plan(formats, kl), met: goal === null ? null : true },
    steps: [],
    ...changes,
  });
}
