import { bandOf } from "./band.ts";
import { Front } from "./front.ts";
import type { Option } from "./reduce.ts";
import { hullUpgrades } from "./relaxation.ts";
import type { Step } from "./step.ts";

/** Plans of the frontier as indices of a candidate per group; the first has every group's first option. */
export interface SearchedFrontier {
  readonly size: number;
  /** False when these are only the corners of the frontier's lower hull. */
  readonly complete: boolean;
  /** Summed cost of a plan. */
  readonly costAt: (position: number) => number;
  /** Whether a plan is on the lower hull: no mix of two other plans beats it. */
  readonly isCorner: (position: number) => boolean;
  /** Writes the choices of some plans, a row of them for each group; to be read in order, from 0. */
  readonly read: (from: number, count: number, choices: Int32Array) => void;
}

/**
 * Every plan that no other plan beats, by rising cost and falling score. Of plans equal in cost and score
 * it is the one that comes first, group by group, in the order of candidates.
 *
 * Fronts of partial plans are grown group by group, over all costs at once. Partial plans outside of the
 * band in which the frontier can lie (see `bandOf`) are dropped.
 *
 * @param groups useful options by rising cost, at least one each; costs are integers
 * @param effort how many partial plans may be kept in all; if that is too few, only corners are given
 */
export function searchFrontier(
  groups: readonly (readonly Option[])[],
  effort: number,
): SearchedFrontier {
  const { cheapest, upgrades } = hullUpgrades(groups);
  const corners = [cheapest.reduce((sum, option) => sum + option.cost, 0)];
  for (const { from, to } of upgrades) corners.push((corners.at(-1) ?? 0) + to.cost - from.cost);

  const front = growFront(stepsOf(groups), bandOf(upgrades), effort);
  if (front === undefined) {
    const chosen = cheapest.map(({ index }) => index);
    return {
      size: corners.length,
      complete: upgrades.length === 0,
      costAt: (position) => corners[position] ?? 0,
      isCorner: () => true,
      read: (from, count, choices) => {
        for (let plan = 0; plan < count; plan += 1) {
          const upgrade = upgrades[from + plan - 1];
          if (upgrade !== undefined) chosen[upgrade.group] = upgrade.to.index;
          for (const [group, index] of chosen.entries()) choices[group * count + plan] = index;
        }
      },
    };
  }
  const cornerCosts = new Set(corners);
  return {
    size: front.size,
    complete: true,
    costAt: (position) => front.costAt(position),
    isCorner: (position) => cornerCosts.has(front.costAt(position)),
    read: (from, count, choices) => front.read(from, count, choices),
  };
}

/**
 * Those with the narrowest choice of costs first, of these the one with the least at stake: it keeps fronts
 * short for longest.
 */
function stepsOf(groups: readonly (readonly Option[])[]): readonly Step[] {
  const width = ({ moves }: Step): number => (moves.at(-1)?.cost ?? 0) - (moves[0]?.cost ?? 0);
  const stake = ({ moves }: Step): number => (moves[0]?.score ?? 0) - (moves.at(-1)?.score ?? 0);
  return groups
    .map((moves, group): Step => ({ group, moves }))
    .sort((a, b) => width(a) - width(b) || stake(a) - stake(b) || a.group - b.group);
}

/** The front of all groups; `undefined` when that takes more than `effort`. */
function growFront(
  steps: readonly Step[],
  band: ReturnType<typeof bandOf>,
  effort: number,
): Front | undefined {
  const front = new Front(steps, effort);
  for (const { moves } of steps) {
    if (!front.extend(band.extend(moves))) return undefined;
  }
  return front;
}
