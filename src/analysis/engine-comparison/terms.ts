import { timesText } from "../quality-report/figure-text.ts";
import { groupedDigits } from "../text/grouped.ts";
import type { EngineComparison } from "./comparison.ts";

/** Terms of the tables and the picture, and a line that says what each is. */
export function engineTerms({
  definition,
  quantizable,
  weights,
}: EngineComparison): readonly { readonly term: string; readonly means: string }[] {
  const { proven, resamples, random_plans: randomPlans } = definition;
  return [
    {
      term: "engine",
      means:
        "what measured the sensitivity scores. All engines score the same layer groups on the same draws, each on as many of their samples as its settings say; one exact solver makes plans of their scores, and ModelOpt's simulated quantization judges all plans alike. Formats are alike by name: Intel Neural Compressor rounds inputs to 7 bits with a zero point, AutoRound takes the range of each batch, and weight_error knows weights alone, so that its scores of the weights stand for a candidate that quantizes inputs, too.",
    },
    {
      term: "KL",
      means:
        "how far the next-token probabilities of the quantized model are from those of the unquantized one, on average over all counted held-out tokens: KL(unquantized ‖ quantized), nats.",
    },
    {
      term: "bits",
      means: `average bits of a weight as stored, scales included, over the ${quantizable.groups} layer groups that may be quantized (${groupedDigits(quantizable.weights)} weights).`,
    },
    {
      term: "draw",
      means:
        "a choice of calibration samples. “calibration” is the subset that all analyses use; the others are as many other rows of the same full sample, and no row is in two draws. No draw shares an image with held-out data. Ranges of activations are calibrated on “calibration” for all plans, so that only scores differ.",
    },
    {
      term: "factor",
      means: `KL / KL on the same held-out samples, with a paired 95 % interval from ${resamples} bootstrap resamples of these samples. Over several budgets it is the geometric mean; which budgets there are is a choice that the interval knows nothing of, so the least and the greatest factor of single budgets and the factor without the budget of the greatest one stand beside it.`,
    },
    {
      term: "another draw changes",
      means:
        "KL of an engine's worst draw / KL of its best one, geometric mean over the budgets: the upper end of the larger interval of both engines. The more draws, the larger this is.",
    },
    {
      term: "better",
      means:
        "the whole interval of the factor lies above what another draw changes, and no single budget decides that.",
    },
    {
      term: "depends on the size",
      means:
        "the interval lies above what another draw changes, and without the budget of the greatest factor it does not.",
    },
    {
      term: "within draws",
      means: "the interval lies above 1, and another draw of calibration data may change as much.",
    },
    { term: "not separable", means: "the interval of the factor includes 1." },
    {
      term: "random",
      means: `${randomPlans} plans of the same size, made by the same solver from the score profiles of other layers.`,
    },
    {
      term: "groups measured alone",
      means:
        "the exact solver's plan on the measured KL of each layer group quantized alone, on other held-out samples: what scores predict, measured.",
    },
    {
      term: "proven",
      means:
        weights === "random"
          ? "is said of no plan of random weights."
          : `KL(random) / KL(plan) lies above ${timesText(proven, 2)} with its whole interval.`,
    },
  ];
}
