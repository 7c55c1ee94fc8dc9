/** What a score is, in the words of a report. */
export interface ScoreMeaning {
  /** What it says of a layer. */
  readonly says: string;
  /** How it is worked out. */
  readonly metric: string;
  /** What its tokens are. */
  readonly tokens: string;
  /** A sum grows with the data, a mean does not. */
  readonly over: "sum" | "mean";
}

/** The engine of documents that name none: there was no other. */
export const MODELOPT = "modelopt";

/**
 * The engines and methods that reports have words for. An engine's op decides which methods there are;
 * nothing else lists them.
 */
const MEANINGS: Readonly<Record<string, Readonly<Record<string, ScoreMeaning>>>> = {
  [MODELOPT]: {
    gradient: {
      says: "how much the loss is expected to suffer when only this group is quantized",
      metric: "the squared output error weighted with the squared loss gradient",
      tokens: "tokens in the loss",
      over: "sum",
    },
    kl_div: {
      says: "how much the loss is expected to suffer when only this group is quantized",
      metric: "the KL divergence of the model's output distribution from the unquantized one",
      tokens: "tokens in the loss",
      over: "sum",
    },
  },
  weight_error: {
    squared_error: {
      says: "how far the group's outputs are expected to move when its weights are quantized, activations left alone",
      metric:
        "the squared error of every weight times the mean square of the input that it multiplies, which knows nothing of the loss",
      tokens: "tokens",
      over: "mean",
    },
  },
  inc: {
    mse_v2: {
      says: "how far the model's logits move when only this group's layers are INT8, one after the other",
      metric:
        "the summed squared distance of the logits with one layer in INT8 by Intel Neural Compressor, added up over the group's layers",
      tokens: "tokens",
      over: "sum",
    },
    hawq_v2: {
      says: "how much the loss is expected to suffer when this group's weights are rounded",
      metric:
        "an estimated trace of the loss's Hessian times the squared error of the weights, which is noisy",
      tokens: "tokens",
      over: "mean",
    },
  },
  autoround: {
    delta_loss: {
      says: "how much the loss is expected to change by this group when all groups are in the format",
      metric:
        "AutoRound's first-order loss: the absolute product of the loss gradient and the rounding error, all layers rounded",
      tokens: "tokens in the loss",
      over: "sum",
    },
  },
};

/** A method without words of its own is only named. */
export const meaningOf = (engine: string, method: string): ScoreMeaning =>
  MEANINGS[engine]?.[method] ?? {
    says: "how sensitive this group is to being quantized",
    metric: `${method} by ${engine}`,
    tokens: "tokens",
    over: "sum",
  };
