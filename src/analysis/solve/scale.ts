/**
 * Scaling of costs and scores to integers, so that sums are exact and do not
 * depend on the order of addition: ties are then real ties, and a plan found in
 * any order is the same plan. Scores need it all the more because their
 * magnitude is arbitrary (1e-7 to 1e8 have been published): a solver with
 * absolute tolerances would give wrong plans on the small ones.
 *
 * The factor is a power of two, so a value that fits is not rounded at all.
 */

/** Bits for a sum: below the 53 that a double holds, with room for rounding of every term. */
const SUM_BITS = 51;

/** The factor that brings `sum` to at most 2^51. */
export function scaleFor(sum: number): number {
  if (!(sum > 0)) return 1;
  // Capped because 2 ** 1024 is no longer a number.
  return 2 ** Math.min(1000, SUM_BITS - Math.ceil(Math.log2(sum)));
}

/**
 * The budget in scaled units, widened by one unit a group: every cost may have
 * been rounded up by half a unit, and a budget equal to the sum must be met.
 * Relative to the budget this is some 1e-13.
 */
export function scaledBudget(budget: number, scale: number, groups: number): number {
  return Math.floor(budget * scale) + groups;
}
