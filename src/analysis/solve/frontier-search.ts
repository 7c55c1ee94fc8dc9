import { bandOf } from "./band.ts";
import { extendFront, newScratch, startFront, type Front, type Step } from "./front.ts";
import { comesFirst } from "./fronts.ts";
import type { Option } from "./reduce.ts";
import { hullUpgrades } from "./relaxation.ts";

/** Plans of the frontier as indices of a candidate per group; the first has every group's first option. */
export interface SearchedFrontier {
  readonly size: number;
  /** False when these are only the corners of the frontier's lower hull. */
  readonly complete: boolean;
  /** Whether a plan is on the lower hull: no mix of two other plans beats it. */
  readonly isCorner: (position: number) => boolean;
  /** Writes the choices of a plan; to be read in order, from 0. */
  readonly read: (position: number, choices: Int32Array) => void;
}

/**
 * Every plan that no other plan beats, by rising cost and falling score. Of plans equal in cost and score
 * it is the one that comes first, group by group, in the order of candidates.
 *
 * Fronts of partial plans are grown group by group, over all costs at once. Partial plans outside of the
 * band in which the frontier can lie (see `bandOf`) are dropped.
 *
 * @param groups useful options by rising cost, at least one each; costs are integers
 * @param effort how many partial plans may be looked at; if that is too few, only corners are given
 */
export function searchFrontier(
  groups: readonly (readonly Option[])[],
  effort: number,
): SearchedFrontier {
  const { cheapest, upgrades } = hullUpgrades(groups);
  const corners = [cheapest.reduce((sum, option) => sum + option.cost, 0)];
  for (const { from, to } of upgrades) corners.push((corners.at(-1) ?? 0) + to.cost - from.cost);

  const steps = stepsOf(groups);
  const fronts = growFronts(steps, bandOf(upgrades), effort);
  const last = fronts?.at(-1);
  if (fronts === undefined || last === undefined) {
    return {
      size: corners.length,
      complete: upgrades.length === 0,
      isCorner: () => true,
      read: (position, choices) => {
        const upgrade = upgrades[position - 1];
        if (upgrade !== undefined) choices[upgrade.group] = upgrade.to.index;
      },
    };
  }
  const cornerCosts = new Set(corners);
  const reached = new Int32Array(steps.length).fill(-1);
  return {
    size: last.size,
    complete: true,
    isCorner: (position) => cornerCosts.has(last.costs[position] ?? 0),
    read: (position, choices) => {
      let at = position;
      for (let s = steps.length - 1; s >= 0; s -= 1) {
        // From here on it is the plan that was read before.
        if (reached[s] === at) break;
        reached[s] = at;
        const step = steps[s];
        const front = fronts[s + 1];
        if (step === undefined || front === undefined) break;
        choices[step.group] = step.moves[front.moves[at] ?? 0]?.index ?? 0;
        at = front.parents[at] ?? 0;
      }
    },
  };
}

/** Those with the widest choice of costs first: it keeps the fronts short for longest. */
function stepsOf(groups: readonly (readonly Option[])[]): readonly Step[] {
  const width = ({ moves }: Step): number => (moves.at(-1)?.cost ?? 0) - (moves[0]?.cost ?? 0);
  return groups
    .map((moves, group): Step => ({ group, moves }))
    .sort((a, b) => width(b) - width(a) || a.group - b.group);
}

/** The front after every step, the start included; `undefined` when that takes more than `effort`. */
function growFronts(
  steps: readonly Step[],
  band: ReturnType<typeof bandOf>,
  effort: number,
): readonly Front[] | undefined {
  const fronts: Front[] = [startFront()];
  const scratch = newScratch();
  let spent = 0;
  for (const [s, step] of steps.entries()) {
    const previous = fronts[s] ?? startFront();
    spent += previous.size * step.moves.length;
    if (spent > effort) return undefined;
    const front = extendFront(
      previous,
      step.moves,
      band.extend(step.moves),
      (parent, move, oldParent, oldMove) =>
        comesFirst(steps, fronts, s, [parent, move], [oldParent, oldMove]),
      scratch,
    );
    fronts.push(front);
  }
  return fronts;
}
