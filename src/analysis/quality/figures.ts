import type { FieldReader } from "../python-json/field-reader.ts";

/** A measured figure with its 95 % percentile bootstrap interval over samples. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What is measured of a plan against the unquantized model, on held-out data. */
export interface QualityFigures {
  /** KL(unquantized ‖ plan), nats a counted token: mean. */
  readonly kl: Figure;
  readonly kl_p95: Figure;
  readonly kl_p99: Figure;
  /** Share of counted tokens whose most likely token is the same. */
  readonly top1_agreement: Figure;
  /** Cross-entropy of the held-out text, nats a counted token. */
  readonly loss: Figure;
  /** exp(loss). */
  readonly perplexity: Figure;
  /** Mean over counted tokens and vocabulary of the squared difference of logits. */
  readonly logit_mse: Figure;
  /** The same over the last counted token of each sample. */
  readonly logit_mse_last: Figure;
}

/** What stands beside the figures where a scheme is evaluated. */
export interface FurtherFigures {
  /** Perplexity of the plan / of the unquantized model on the same tokens. */
  readonly perplexity_ratio: Figure;
  /** KL at the last counted token of each sample, nats: mean over samples. */
  readonly kl_last: Figure;
}

export const FIGURE_NAMES = [
  "kl",
  "kl_p95",
  "kl_p99",
  "top1_agreement",
  "loss",
  "perplexity",
  "logit_mse",
  "logit_mse_last",
] as const satisfies readonly (keyof QualityFigures)[];

export function readFigure(fields: FieldReader, key: string): Figure {
  const figure = fields.object(key).only(["value", "low", "high"]);
  return {
    value: figure.number("value"),
    low: figure.number("low"),
    high: figure.number("high"),
  };
}

/** The eight figures out of an object that has a key for each. */
export const readFigures = (fields: FieldReader): QualityFigures => ({
  kl: readFigure(fields, "kl"),
  kl_p95: readFigure(fields, "kl_p95"),
  kl_p99: readFigure(fields, "kl_p99"),
  top1_agreement: readFigure(fields, "top1_agreement"),
  loss: readFigure(fields, "loss"),
  perplexity: readFigure(fields, "perplexity"),
  logit_mse: readFigure(fields, "logit_mse"),
  logit_mse_last: readFigure(fields, "logit_mse_last"),
});

/** The two further ones, likewise. */
export const readFurtherFigures = (fields: FieldReader): FurtherFigures => ({
  perplexity_ratio: readFigure(fields, "perplexity_ratio"),
  kl_last: readFigure(fields, "kl_last"),
});
