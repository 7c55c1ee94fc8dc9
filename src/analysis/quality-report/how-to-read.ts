import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import { groupedDigits } from "../text/grouped.ts";
import { timesText } from "./figure-text.ts";
import { KINDS, ROW_KINDS, scopeName } from "./names.ts";

/** A term of the tables and charts, and a line that says what it is. */
export interface Term {
  readonly term: string;
  readonly means: string;
}

/** What a real model has to be measured on at least; tiny models have less. */
const ENOUGH_TOKENS = 10_000;

/** What was measured on what, in one paragraph. */
export function comparedText(frontier: MeasuredFrontier): string {
  const { held_out, calibration, size, recipes } = frontier;
  const { part, samples, tokens } = held_out;
  const by = recipes.length === 0 ? "every plan" : "every plan and recipe";
  const text =
    frontier.scope === "lm"
      ? "captions as plain text"
      : "the caption that answers each image, through vision and language layers";
  const little =
    tokens >= ENOUGH_TOKENS
      ? ""
      : " So few tokens make wide intervals: a small difference cannot be shown on them.";
  return `Compared were the unquantized model and ${by}, with quantization simulated, on the same held-out data: ${samples} samples with ${tokens} counted tokens (${text}) of the part “${part}”. No image and no caption of them is in the calibration data, which had ${calibration.samples} samples (${size}). Padding is not counted.${little}`;
}

export function howToRead(frontier: MeasuredFrontier): readonly Term[] {
  const { definition, quantizable, whole_model, scores } = frontier;
  const { proven, resamples, random_plans } = definition;
  return [
    {
      term: "KL, nats a token",
      means:
        "how far the next-token probabilities of the quantized model are from those of the unquantized one, on average over all counted tokens: KL(unquantized ‖ quantized). 0 is no change; “loses twice as much” means twice this figure.",
    },
    {
      term: "p95, p99",
      means: "the KL that 95 % and 99 % of the tokens stay below: how bad the bad tokens are.",
    },
    {
      term: "same top token",
      means: "share of tokens for which both models find the same token most likely.",
    },
    {
      term: "loss, perplexity",
      means:
        "cross-entropy of the held-out text in nats a token, and its exponential. A quantized model may have the lower loss by chance and still be another model, so KL is the judge.",
    },
    {
      term: "logit MSE",
      means:
        "mean squared difference of the logits, over all counted tokens and over the last one of each sample.",
    },
    {
      term: "bits",
      means: `average bits of a weight as stored, scales included, over the ${scopeName(frontier)} that may be quantized (${quantizable.groups} groups, ${groupedDigits(quantizable.weights)} weights).`,
    },
    {
      term: "whole model",
      means:
        whole_model === null
          ? "not known here: the number of weights outside of the scope is not recorded."
          : `the same over all ${groupedDigits(whole_model.weights)} weights of the model, those that may not be quantized at 16 bits.`,
    },
    {
      term: "interval",
      means: `95 %, from ${resamples} bootstrap resamples of the held-out samples; a factor’s interval is paired, so both plans are judged on the same resamples. It says how far other samples would change the figure, not how far another calibration or another ${random_plans} random plans would.`,
    },
    {
      term: "factor",
      means: `KL(mean of the ${random_plans} random plans of that size) / KL(plan by sensitivity).`,
    },
    {
      term: "proven",
      means: `the factor’s interval lies above ${timesText(proven, 2)}. Proven is that the plan is better than chance at its size, not that its loss is small enough for use: read the KL for that. Each size is judged by itself, so a lone proven size among many may be chance.`,
    },
    {
      term: "not separable",
      means:
        "even the worst and the best control of that size cannot be told apart, so nothing can be said of any plan.",
    },
    {
      term: "unproven",
      means:
        frontier.weights === "random"
          ? "neither of the two, or more: no plan of random weights is called proven, for any factor, since the factor says nothing of a trained model."
          : "neither of the two.",
    },
    {
      term: "predicted score",
      means: `sum of the sensitivity scores (${scores.engine}, ${scores.method}) of what a plan quantizes: what the solver keeps low. It has no unit of quality, only an order.`,
    },
    {
      term: "recipes",
      means:
        "are quantized with all that the recipe does. SmoothQuant, FP8 and NVFP4 quantize activations too, which makes serving faster and costs quality; compare them with plans whose candidates do the same.",
    },
    ...ROW_KINDS.filter((kind) => kind !== "recipe").map((kind) => ({
      term: KINDS[kind].name,
      means: `${KINDS[kind].means}.`,
    })),
  ];
}
