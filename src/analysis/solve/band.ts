import { hullOptions, type Option } from "./reduce.ts";
import type { Upgrade } from "./relaxation.ts";

/** Where partial plans of the frontier can lie, as group after group is added to them. */
export interface Band {
  /** Adds a group; says which partial plans may go on. To be asked by rising cost. */
  readonly extend: (options: readonly Option[]) => (cost: number, score: number) => boolean;
}

/** What sums of doubles may lose, and much more: relative to sums of terms that are all positive. */
const SLACK = 1 + 1e-11;

/**
 * Every plan of the frontier lies in the triangle between two neighbouring corners of the lower hull. At the
 * price of that edge (score per unit of cost) it exceeds the best that all groups can reach by at most the
 * height of the triangle. Excess only adds up over groups. So a partial plan must stay within that height at
 * the price of at least one edge: below the upper envelope of one line an edge.
 */
export function bandOf(upgrades: readonly Upgrade[]): Band {
  const edges = upgrades.toReversed();
  const count = edges.length;
  /** Rising. */
  const prices = Float64Array.from(edges, ({ gain }) => gain);
  /** Where an edge's line meets cost 0: its height, and the least score + price x cost of a partial plan. */
  const reach = Float64Array.from(edges, ({ gain, from, to }) => gain * (to.cost - from.cost));
  const lines = new Int32Array(count);
  const begins = new Float64Array(count);
  return {
    extend(options) {
      addLeast(hullOptions(options), prices, reach);
      const size = envelope(prices, reach, lines, begins);
      let at = 0;
      return (cost, score) => {
        if (size === 0) return true;
        while (at + 1 < size && (begins[at + 1] ?? 0) <= cost) at += 1;
        const edge = lines[at] ?? 0;
        return score <= (reach[edge] ?? 0) * SLACK - (prices[edge] ?? 0) * cost;
      };
    },
  };
}

/** Adds to `sums` the least score + price x cost of a hull's options, at every price. */
function addLeast(hull: readonly Option[], prices: Float64Array, sums: Float64Array): void {
  let best = hull.length - 1;
  const value = (at: number, price: number): number =>
    (hull[at]?.score ?? 0) + price * (hull[at]?.cost ?? 0);
  for (const [edge, price] of prices.entries()) {
    while (best > 0 && value(best - 1, price) <= value(best, price)) best -= 1;
    sums[edge] = (sums[edge] ?? 0) + value(best, price);
  }
}

/**
 * The lines that are highest somewhere, and the cost from which each is; steepest first.
 * Returns how many there are.
 */
function envelope(
  prices: Float64Array,
  reach: Float64Array,
  lines: Int32Array,
  begins: Float64Array,
): number {
  let size = 0;
  for (let edge = prices.length - 1; edge >= 0; edge -= 1) {
    let begin = -Infinity;
    while (size > 0) {
      const top = lines[size - 1] ?? 0;
      const steeper = (prices[top] ?? 0) - (prices[edge] ?? 0);
      const lower = (reach[top] ?? 0) - (reach[edge] ?? 0);
      begin = steeper > 0 ? lower / steeper : lower > 0 ? Infinity : -Infinity;
      if (begin > (begins[size - 1] ?? 0)) break;
      size -= 1;
      begin = -Infinity;
    }
    if (begin === Infinity) continue;
    lines[size] = edge;
    begins[size] = begin;
    size += 1;
  }
  return size;
}
