import { GOAL_FIGURES, type Goal, type GoalFigure, type GoalSettings } from "../schemes/scheme.ts";

/** Of the interval, where a config says none; figures without a goal have it, too. */
export const STANDARD_CONFIDENCE = 0.95;

/** A goal as a config has it, in full. Of several figures, which schemas refuse, the first counts. */
export function goalOf(settings: GoalSettings): Goal {
  const figure = GOAL_FIGURES.find((name) => settings[name] !== undefined) ?? "kl";
  return {
    figure,
    bound: settings[figure] ?? NaN,
    confidence: settings.confidence ?? STANDARD_CONFIDENCE,
  };
}

/** Whether a figure has to stay above its bound; the others have to stay below. */
export const isAtLeast = (figure: GoalFigure): boolean => figure === "top1_agreement";

const NAMES: Readonly<Record<GoalFigure, string>> = {
  kl: "KL",
  top1_agreement: "same top token",
  perplexity_ratio: "perplexity ratio",
  logit_mse: "squared error of logits",
};

/** As people call the figure. */
export const figureName = (figure: GoalFigure): string => NAMES[figure];

/** `KL ≤ 0.01 (95 %)`. */
export const goalText = ({ figure, bound, confidence }: Goal): string =>
  `${NAMES[figure]} ${isAtLeast(figure) ? "≥" : "≤"} ${bound} (${confidenceText(confidence)})`;

/** `95 %`, without the rounding errors of a multiplication. */
export const confidenceText = (share: number): string =>
  `${Number((100 * share).toPrecision(12))} %`;
