import { UNQUANTIZED_BITS } from "./label.ts";

/**
 * Slack that the original search adds to an adjusted budget, in bits: it keeps
 * the budget reachable when every enabled layer sits exactly at the request.
 */
const ADJUSTMENT_SLACK = 0.001;

export interface WeightShare {
  /** Number of weight elements. */
  readonly weights: number;
  readonly enabled: boolean;
}

/**
 * The budget over the whole model that asks for `requested` bits on the layers
 * that may be quantized.
 *
 * Layers kept in high precision stay in the denominator of the search at 16
 * bits, so a request for the others has to be lifted:
 * (kept x 16 + rest x requested) / total + 0.001, at most 16.
 * Without kept layers the request already means the whole model and is returned
 * unchanged. (Qwen3-VL-4B, vision kept, 8.0 requested: 8.745307...)
 */
export function adjustedBits(groups: readonly WeightShare[], requested: number): number {
  let total = 0;
  let kept = 0;
  for (const group of groups) {
    total += group.weights;
    if (!group.enabled) kept += group.weights;
  }
  if (kept === 0) return requested;
  const mean = (kept * UNQUANTIZED_BITS + (total - kept) * requested) / total;
  return Math.min(UNQUANTIZED_BITS, mean + ADJUSTMENT_SLACK);
}

/**
 * The request that a budget over the whole model comes from: the inverse of `adjustedBits`. At 16 bits it
 * is 16.
 */
export function requestedBits(groups: readonly WeightShare[], budget: number): number {
  if (budget >= UNQUANTIZED_BITS || groups.every(({ enabled }) => enabled)) return budget;
  return enabledBits(groups, budget - ADJUSTMENT_SLACK);
}

/**
 * The average over the layers that may be quantized, of a plan with `bits` on average over all: the others are
 * at 16. Where nothing may be quantized it is 16.
 */
export function enabledBits(groups: readonly WeightShare[], bits: number): number {
  let total = 0;
  let kept = 0;
  for (const group of groups) {
    total += group.weights;
    if (!group.enabled) kept += group.weights;
  }
  if (kept === total) return UNQUANTIZED_BITS;
  return (total * bits - kept * UNQUANTIZED_BITS) / (total - kept);
}
