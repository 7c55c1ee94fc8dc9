/**
 * Size cost of a layer group in fp16-equivalent weight elements:
 * weights x bits / 16. Not bytes; twice this number is bytes, scales left out.
 * Source: ModelOpt's AutoQuantize, compression x number of weights.
 */
export function weightCost(weights: number, bits: number): number {
  return (weights * bits) / 16;
}

/** The average bits per weight that a summed cost amounts to: the inverse of `weightCost`. */
export function effectiveBits(cost: number, weights: number): number {
  return (cost * 16) / weights;
}
