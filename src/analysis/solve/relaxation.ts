import { gain, hullOptions, type Option } from "./reduce.ts";

/**
 * The search with fractions allowed, solved greedily. It gives what the exact
 * search needs to be fast: a price of cost at which almost every group's choice
 * is already decided, and a plan that is close to the best.
 */
export interface Relaxation {
  /** Option per group before the budget ran out: best for its group at `price`. */
  readonly base: readonly Option[];
  /** Score per unit of cost; 0 when the budget never runs out, and `base` is then the best plan. */
  readonly price: number;
  /** Score of a plan within the budget: an upper bound for the best one. */
  readonly bound: number;
}

/** A step along a group's hull to its next dearer option. */
export interface Upgrade {
  readonly group: number;
  readonly from: Option;
  readonly to: Option;
  readonly gain: number;
}

/**
 * The cheapest plan, and all upgrades by falling gain. After any number of them the plan is the best for
 * its cost: these are the corners of the frontier's lower hull (but for equal gains, where it is on an edge).
 *
 * @param groups useful options by rising cost, at least one each
 */
export function hullUpgrades(groups: readonly (readonly Option[])[]): {
  readonly cheapest: readonly Option[];
  readonly upgrades: readonly Upgrade[];
} {
  const cheapest: Option[] = [];
  const upgrades: Upgrade[] = [];
  groups.forEach((options, group) => {
    let from: Option | undefined;
    for (const to of hullOptions(options)) {
      if (from === undefined) cheapest.push(to);
      else upgrades.push({ group, from, to, gain: gain(from, to) });
      from = to;
    }
  });
  // Within a group gains fall along the hull, so upgrades come in their own order.
  upgrades.sort((a, b) => b.gain - a.gain || a.group - b.group || a.to.cost - b.to.cost);
  return { cheapest, upgrades };
}

/**
 * @param groups useful options by rising cost, at least one each
 * @param budget at least the sum of the first options' costs
 */
export function relax(groups: readonly (readonly Option[])[], budget: number): Relaxation {
  const { cheapest, upgrades } = hullUpgrades(groups);
  const chosen = [...cheapest];
  let left = budget - cheapest.reduce((sum, option) => sum + option.cost, 0);

  let base: readonly Option[] | undefined;
  let price = 0;
  const stuck = new Set<number>();
  for (const { group, from, to, gain: upgradeGain } of upgrades) {
    if (stuck.has(group)) continue;
    const extra = to.cost - from.cost;
    if (extra <= left) {
      chosen[group] = to;
      left -= extra;
    } else {
      if (base === undefined) {
        base = [...chosen];
        price = upgradeGain;
      }
      stuck.add(group);
    }
  }
  const bound = chosen.reduce((sum, option) => sum + option.score, 0);
  return { base: base ?? chosen, price, bound };
}
