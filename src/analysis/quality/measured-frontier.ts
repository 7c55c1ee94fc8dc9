import type { Figure, QualityFigures } from "./figures.ts";
import type { Planned, PlannedPlan, PlanSize } from "./planned.ts";

/** What documents of measured plans say of the model, the data and the definition. */
export interface MeasuredHead {
  /** Name of the config in `conf/quality` or `conf/scheme`. */
  readonly name: string;
  readonly model: string;
  /** Subset of the calibration data: small, medium, large. */
  readonly size: string;
  readonly weights: Weights;
  readonly calibration: { readonly samples: number };
  readonly held_out: {
    readonly part: string;
    readonly samples: number;
    readonly tokens: number;
    readonly batches: number;
  };
  readonly definition: Definition;
  /** Versions and kind of device of all measurements, by name; several are joined by "; ". */
  readonly environment: Readonly<Record<string, string>>;
  /** The unquantized model on the same data. */
  readonly reference: { readonly loss: Figure; readonly perplexity: Figure };
}

/**
 * A frontier of plans, measured: what `measured-frontier.json` holds, field by field. All KL divergences are
 * nats a counted token of held-out text, KL(unquantized ‖ plan). All factors are quotients of two KLs of
 * the same samples with a paired bootstrap interval.
 */
export interface MeasuredFrontier extends MeasuredHead, Planned {
  /** Solver's plans and controls, by kind, then by rising budget. */
  readonly plans: readonly MeasuredPlan[];
  /** By rising budget. */
  readonly verdicts: readonly BudgetVerdict[];
  /** Uniform recipes of ModelOpt, by rising bits. */
  readonly recipes: readonly MeasuredRecipe[];
  /** Each group quantized alone by each candidate. */
  readonly alone: readonly MeasuredAlone[];
  readonly correlations: Correlations;
}

/** `random`: nothing but that measuring works can be concluded from the figures. */
export type Weights = "random" | "real";

/** What `proven` means here, and how it was worked out. */
export interface Definition {
  /** A plan is proven where the factor's lower bound exceeds this. */
  readonly proven: number;
  readonly resamples: number;
  readonly seed: number;
  readonly random_plans: number;
}

export interface MeasuredPlan extends PlannedPlan, QualityFigures {}

/**
 * `proven`: the lower bound of the factor exceeds `definition.proven`, and the weights are trained. Otherwise
 * `not separable` where the interval of worst control / best control includes 1 and the factor does not exceed
 * `definition.proven`, else `unproven`.
 */
export type Word = "proven" | "not separable" | "unproven";

export const WORDS = ["proven", "not separable", "unproven"] as const satisfies readonly Word[];

/** Why a plan is unproven for all figures. */
export const RANDOM_WEIGHTS = "random weights";

/** A control's KL as a multiple of the judged plan's. */
export interface Against {
  /** Name of the control. */
  readonly plan: string;
  readonly factor: Figure;
}

/** What measuring says of the solver's plan for one budget. */
export interface BudgetVerdict {
  readonly budget: number;
  /** Name of the judged plan. */
  readonly plan: string;
  readonly word: Word;
  /** Why it is unproven for all figures; null where the figures decided. */
  readonly because: typeof RANDOM_WEIGHTS | null;
  /** KL(mean of the random plans) / KL(plan). */
  readonly factor: Figure;
  readonly random: {
    /** Mean of the random plans' KL. */
    readonly kl: Figure;
    readonly lowest: number;
    readonly highest: number;
    readonly plans: readonly string[];
  };
  /** Of equal size: inverted, heuristic, `weight_error` where there is one. */
  readonly against: readonly Against[];
  /** Worst and best control by measured KL, and KL(worst) / KL(best). */
  readonly controls: { readonly worst: string; readonly best: string; readonly factor: Figure };
}

export interface MeasuredRecipe extends PlanSize, QualityFigures {
  /** Name of a config of ModelOpt: INT4_AWQ_CFG. */
  readonly name: string;
  /** The largest solver's plan of at most this size, and KL(recipe) / KL(that plan); null if all are larger. */
  readonly against: Against | null;
  /** Which is closer to the unquantized model: `not separable` where the factor's interval includes 1. */
  readonly better: Better | null;
}

export const BETTER = ["plan", "recipe", "not separable"] as const;
export type Better = (typeof BETTER)[number];

export interface MeasuredAlone {
  readonly group: string;
  readonly candidate: string;
  /** As `placeOf` words it: `q k v`, `down`. */
  readonly kind: string;
  readonly tower: "vision" | "language";
  /** The group's score by `scores.engine`. */
  readonly predicted: number;
  readonly kl: Figure;
}

/** Spearman's and Kendall's correlation of predicted score and measured KL. */
export interface Correlation {
  /** What is correlated: `all`, `language q k v`, a kind of plan. */
  readonly what: string;
  /** Null: of all candidates together, where much of the order is that of the formats. */
  readonly candidate: string | null;
  /** Pairs of figures. */
  readonly count: number;
  /** Null where there is no order, or where `count` is too small to say anything (`too_few`). */
  readonly spearman: number | null;
  readonly kendall: number | null;
  readonly too_few: boolean;
}

export interface Correlations {
  /** Groups quantized alone: all of them, by candidate, and by module kind (with all candidates, and with each). */
  readonly alone: {
    readonly all: Correlation;
    readonly candidates: readonly Correlation[];
    readonly kinds: readonly Correlation[];
  };
  /** Whole plans: all of them, and by kind of plan. */
  readonly plans: { readonly all: Correlation; readonly kinds: readonly Correlation[] };
}
