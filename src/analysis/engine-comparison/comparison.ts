import type { RankCorrelation } from "../compare/rank-correlation.ts";
import type { Figure } from "../quality/figures.ts";
import type { MeasuredHead, Word } from "../quality/measured-frontier.ts";

/** The draw that all analyses of a model use. */
export const OWN_DRAW = "calibration";

export const COMPARED_KINDS = [
  "engine",
  "alone",
  "inverted",
  "heuristic",
  "random",
  "uniform",
] as const;
export type ComparedKind = (typeof COMPARED_KINDS)[number];

/** A plan that was measured: an engine's on a draw, or a control. */
export interface ComparedPlan {
  readonly name: string;
  readonly kind: ComparedKind;
  /** Null for controls. */
  readonly engine: string | null;
  readonly draw: string | null;
  /** Null for uniform plans. */
  readonly budget: number | null;
  /** Average stored bits of a weight over the groups that may be quantized. */
  readonly bits: number;
}

/** An engine's plans of one budget. */
export interface EngineAtBudget {
  readonly engine: string;
  /** KL to the unquantized model, mean over the draws, nats a counted token. */
  readonly kl: Figure;
  readonly draws: readonly { readonly draw: string; readonly kl: Figure }[];
  /** KL(mean of the random plans) / KL(mean over the draws), paired. */
  readonly factor: Figure;
  readonly word: Word;
  readonly because: string | null;
}

export interface ComparedBudget {
  readonly budget: number;
  readonly engines: readonly EngineAtBudget[];
  readonly random: { readonly kl: Figure; readonly lowest: number; readonly highest: number };
  /** Other controls: their KL. */
  readonly controls: readonly {
    readonly plan: string;
    readonly kind: ComparedKind;
    readonly kl: Figure;
  }[];
}

/**
 * `better`: by more than another draw changes, and not by a single budget. `depends on the size`: only with a certain
 * budget among them. `within draws`: apart, but by no more than another draw may change. `draws not known`: apart, and
 * one of both has a single draw. `not separable`: the interval includes 1. `unproven`: of random weights, for any figures.
 */
export const VERDICTS = [
  "better",
  "depends on the size",
  "within draws",
  "draws not known",
  "not separable",
  "unproven",
] as const;
export type EngineVerdict = (typeof VERDICTS)[number];

/** Two engines over all budgets. */
export interface EnginePair {
  /** The one with the lower KL. */
  readonly better: string;
  readonly worse: string;
  /** Geometric mean over the budgets of KL(worse) / KL(better), each a mean over draws; paired interval. */
  readonly factor: Figure;
  /** The least and the greatest such factor of a single budget. */
  readonly range: { readonly lowest: number; readonly highest: number };
  /** The factor without the budget that has the greatest one, with its interval; null with a single budget. */
  readonly without_one: Figure | null;
  /** Budgets at which the interval lies above 1, and below 1, and at which both engines have the same plans. */
  readonly budgets: {
    readonly above: number;
    readonly below: number;
    readonly same: number;
    readonly all: number;
  };
  /** The larger of both engines' `spread`, as the upper end of its interval; null where one has a single draw. */
  readonly spread: number | null;
  readonly verdict: EngineVerdict;
}

/** How much another draw of calibration data changes an engine's plans. */
export interface EngineSummary {
  readonly engine: string;
  readonly method: string;
  readonly draws: readonly string[];
  /** Geometric mean over the budgets of KL(random) / KL(plan), each a mean over draws. */
  readonly factor: Figure;
  /** KL of the worst draw / KL of the best one, geometric mean over the budgets; null with a single draw. */
  readonly spread: Figure | null;
  /** Budgets at which another draw led to another plan. */
  readonly moved: number;
  /** What the scores of the usual draw are sums over; null where a score document does not say it. */
  readonly scored: { readonly samples: number | null; readonly tokens: number | null };
  /** Groups whose score is exactly 0, of how many. */
  readonly zeros: number;
}

/** The first k places of two orders. */
export interface SharedEnd {
  readonly k: number;
  /** Groups that both have there; null where equal scores leave open which groups these are. */
  readonly shared: number | null;
}

/** How far two opinions put layer groups into the same order. */
export interface Agreement {
  readonly a: string;
  readonly b: string;
  /** `engines`: two engines on the same draw; `draws`: one engine on two draws, for scale. */
  readonly what: "engines" | "draws";
  readonly candidate: string;
  readonly all: RankCorrelation;
  /** By kind of module; null where there are too few groups to say. */
  readonly kinds: readonly {
    readonly kind: string;
    readonly count: number;
    readonly spearman: number | null;
  }[];
  /** Of the k most and least sensitive groups of one, how many are among those of the other; k is a tenth, at least 1. */
  readonly top: SharedEnd;
  readonly bottom: SharedEnd;
  /** Groups that move most; place 1 is the most sensitive a weight. */
  readonly apart: readonly { readonly group: string; readonly a: number; readonly b: number }[];
}

/** What `engines-<name>.json` holds. */
export interface EngineComparison extends MeasuredHead {
  readonly scope: string;
  readonly candidates: readonly { readonly name: string; readonly bits: number }[];
  readonly quantizable: { readonly groups: number; readonly weights: number };
  /** Engines that were asked for and have no scores here, and why. */
  readonly left_out: readonly { readonly engine: string; readonly because: string }[];
  readonly engines: readonly EngineSummary[];
  readonly pairs: readonly EnginePair[];
  readonly budgets: readonly ComparedBudget[];
  /** Budgets at which a plan changes the model so little that its KL is rounding, and why. */
  readonly unjudged: readonly { readonly budget: number; readonly because: string }[];
  readonly uniform: readonly {
    readonly plan: string;
    readonly bits: number;
    readonly kl: Figure;
  }[];
  readonly agreement: readonly Agreement[];
}
