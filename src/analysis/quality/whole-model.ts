import { UNQUANTIZED_BITS } from "../formats/label.ts";
import type { Planned } from "./planned.ts";

/** Average bits over all weights, those that may not be quantized at 16; null where their number is not known. */
export function wholeModelBits(
  { quantizable, whole_model }: Pick<Planned, "quantizable" | "whole_model">,
  bits: number,
): number | null {
  if (whole_model === null) return null;
  const kept = whole_model.weights - quantizable.weights;
  return (kept * UNQUANTIZED_BITS + quantizable.weights * bits) / whole_model.weights;
}
