import type { BudgetVerdict, MeasuredFrontier } from "../quality/measured-frontier.ts";
import { PLAN_KINDS, type PlanKind } from "../quality/plan-document.ts";

/** What stands in tables and charts beside each other: kinds of plans, and recipes. */
export type RowKind = PlanKind | "recipe";

export const ROW_KINDS: readonly RowKind[] = [...PLAN_KINDS, "recipe"];

interface KindWords {
  /** In tables and legends. */
  readonly name: string;
  /** What such a plan is, for a reader who sees the name for the first time. */
  readonly means: string;
}

export const KINDS: Readonly<Record<RowKind, KindWords>> = {
  solver: {
    name: "by sensitivity",
    means: "the plan that is judged: the least summed sensitivity score within its size",
  },
  random: { name: "random", means: "formats dealt to layers at random until the size is reached" },
  inverted: {
    name: "inverted",
    means: "the scores turned around: the most sensitive layers get the smallest formats",
  },
  heuristic: {
    name: "heuristic",
    means: "what people do without measuring: first and last blocks and down_proj larger",
  },
  weight_error: {
    name: "weight error",
    means: "the best plan by the cheap scores of the engine weight_error, which need no gradients",
  },
  start: {
    name: "start of the search",
    means: "the exact solver's plan of this size, before plans were changed by measurement",
  },
  uniform: { name: "uniform", means: "every layer the same candidate, rounded to nearest" },
  recipe: {
    name: "ModelOpt recipe",
    means: "every layer one format by a recipe of ModelOpt (mtq.quantize), calibrated alike",
  },
};

interface RecipeWords {
  readonly name: string;
  readonly quantizes: string;
}

const RECIPES: Readonly<Record<string, RecipeWords>> = {
  INT8_SMOOTHQUANT_CFG: {
    name: "INT8 SmoothQuant",
    quantizes: "weights and activations at 8 bits",
  },
  INT4_AWQ_CFG: { name: "INT4 AWQ", quantizes: "weights at 4 bits" },
  FP8_DEFAULT_CFG: { name: "FP8", quantizes: "weights and activations at 8 bits" },
  NVFP4_DEFAULT_CFG: { name: "NVFP4", quantizes: "weights and activations at 4 bits" },
};

/** As people call it; a recipe that is not known here keeps its own name. */
export const recipeName = (name: string): string => RECIPES[name]?.name ?? name;

export const recipeQuantizes = (name: string): string | null => RECIPES[name]?.quantizes ?? null;

/** `unproven (random weights)`: the word of a verdict, with what decided it where the figures did not. */
export const verdictText = ({ word, because }: Pick<BudgetVerdict, "word" | "because">): string =>
  because === null ? word : `${word} (${because})`;

const SCOPES = { lm: "language layers", all_layers: "vision and language layers" } as const;

export const scopeName = ({ scope }: Pick<MeasuredFrontier, "scope">): string => SCOPES[scope];
