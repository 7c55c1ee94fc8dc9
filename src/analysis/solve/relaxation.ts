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

interface Upgrade {
  readonly group: number;
  readonly from: Option;
  readonly to: Option;
  readonly gain: number;
}

/**
 * @param groups useful options by rising cost, at least one each
 * @param budget at least the sum of the first options' costs
 */
export function relax(groups: readonly (readonly Option[])[], budget: number): Relaxation {
  const chosen: Option[] = [];
  const upgrades: Upgrade[] = [];
  let left = budget;
  groups.forEach((options, group) => {
    let from: Option | undefined;
    for (const to of hullOptions(options)) {
      if (from === undefined) {
        chosen.push(to);
        left -= to.cost;
      } else {
        upgrades.push({ group, from, to, gain: gain(from, to) });
      }
      from = to;
    }
  });
  // Within a group gains fall along the hull, so upgrades come in their own order.
  upgrades.sort((a, b) => b.gain - a.gain || a.group - b.group || a.to.cost - b.to.cost);

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
