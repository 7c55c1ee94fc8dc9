import type { Figure } from "../quality/figures.ts";

/** What may be asked of a plan's quality: three figures at most, `top1_agreement` at least. */
export const GOAL_FIGURES = ["kl", "top1_agreement", "perplexity_ratio", "logit_mse"] as const;
export type GoalFigure = (typeof GOAL_FIGURES)[number];

/** How much quality may be lost: exactly one figure, with the confidence of its interval (0.95 if not given). */
export type GoalSettings = { readonly [Name in GoalFigure]?: number } & {
  readonly confidence?: number;
};

/** How layers get their formats: one of seven ways. */
export type SchemeChoice =
  /** Per cent of the layer groups, the least sensitive first; the opposite order if it says so. */
  | { readonly top_percent: number; readonly most_sensitive?: true }
  /** Bits a weight as stored, on average over the layers that may be quantized. */
  | { readonly bits: number }
  /** Of all tensors of the checkpoint, in 10^9 bytes. */
  | { readonly gigabytes: number }
  /** The fewest bytes in the larger of its exports that keep so much quality, by measurement. */
  | { readonly goal: GoalSettings }
  /** Name of a bit plan: its candidates, budget, rules and families. */
  | { readonly bit_plan: string }
  /** One quant pair for every layer of the scope. */
  | { readonly everywhere: string }
  /** A config of ModelOpt with a calibration of its own. */
  | { readonly recipe: string };

/** In which order `top_percent` takes groups. */
export const RANKINGS = ["least sensitive first", "most sensitive first"] as const;
/** Null where nothing is ranked. */
export type Ranking = (typeof RANKINGS)[number] | null;

/** Formats of checkpoints that are written. */
export const EXPORT_FORMATS = ["modelopt", "compressed_tensors"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** A chosen scheme, before it is measured or exported. */
export interface Scheme {
  readonly name: string;
  readonly model: string;
  readonly scope: "lm" | "all_layers";
  /** Calibration subset. */
  readonly size: string;
  /** What measured the scores; null where the choice needs none. */
  readonly engine: string | null;
  /** Quant pairs, or the recipe, in the order in which ties are decided. */
  readonly candidates: readonly string[];
  readonly choice: SchemeChoice;
  readonly ranking: Ranking;
  readonly achieved: Achieved;
  /** How the plan was found by measurement; absent where it was not. */
  readonly search?: Searched;
  /** Predicted sizes by export format. */
  readonly exports: readonly { readonly format: ExportFormat; readonly bytes: number }[];
  /** What was no candidate for a group, or no group to be quantized at all, and why. */
  readonly dropped: readonly Dropped[];
  /** Every layer group of the model that is known, in its module order; kept ones as `NONE`. */
  readonly layers: readonly SchemeLayer[];
}

export interface Achieved {
  /** Average bits a weight as stored, over the layers that may be quantized. */
  readonly bits: number;
  /** 8 x `bytes` / elements of all tensors of the original checkpoint. */
  readonly whole_bits: number;
  /** Predicted size of all tensors, in the largest of the export formats. */
  readonly bytes: number;
  /** Sum of the chosen groups' scores; null where there are no scores. */
  readonly score: number | null;
  readonly quantized_groups: number;
  /** Groups that may be quantized: those that a share is a share of. */
  readonly groups: number;
}

/** Where a search begins: the exact solver's plans on scores, and on measured KL of each group quantized alone. */
export const SEARCH_STARTS = ["scores", "alone"] as const;
export type SearchStart = (typeof SEARCH_STARTS)[number];

/** A goal in full. KL is in nats a counted token, the ratio is perplexity of the plan / of the unquantized model. */
export interface Goal {
  readonly figure: GoalFigure;
  readonly bound: number;
  /** Of the two-sided interval whose worse bound has to stay within the goal. */
  readonly confidence: number;
}

/** How a plan was found by measuring plans on the held-out sets `search` and `confirm`. */
export interface Searched {
  /** What was judged by: the goal's figure, else `kl`. */
  readonly figure: GoalFigure;
  readonly goal: Goal | null;
  /** Whether the found plan stays within the goal on `confirm`; null without a goal. */
  readonly met: boolean | null;
  /** What bounds the search. */
  readonly settings: {
    readonly measurements: number;
    readonly seed: number;
    readonly starts: readonly SearchStart[];
  };
  /** Measurements made, of one plan on one held-out set each. */
  readonly measured: number;
  /** Whether no change was left to be tried. */
  readonly exhausted: boolean;
  readonly moves: {
    readonly tried: number;
    readonly better_on_search: number;
    readonly kept: number;
  };
  /** The start, or the plan of the frontier, from which the kept moves began. */
  readonly began: SearchedPlan;
  readonly found: SearchedPlan;
}

export interface SearchedPlan {
  readonly name: string;
  /** What plans are held against each other by: bytes, or stored bits, of all groups that have a choice. */
  readonly cost: number;
  /** Null where it was measured on `confirm` alone. */
  readonly search: number | null;
  readonly confirm: Figure;
}

export interface Dropped {
  readonly group: string;
  readonly candidate: string;
  readonly because: string;
}

export interface SchemeLayer {
  /** Module path of the group's first member. */
  readonly group: string;
  readonly modules: readonly string[];
  /** A candidate, or `NONE`. */
  readonly format: string;
}
