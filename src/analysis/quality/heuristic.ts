import { placeOf, type LayerPlace } from "../groups/layer-place.ts";
import type { BitProblem } from "../solve/problem.ts";

/** How much more the heuristic cares for a layer that it raises: enough to raise all of these first. */
const RAISED = 1000;

/**
 * What people do without measuring: the first and the last block of each tower, `down_proj` (in the vision
 * tower `fc2`) and the output layer get more bits, the rest fewer. Where bits are left, blocks nearer to
 * either end of their tower come first.
 *
 * @returns importance of each group, in the problem's order
 */
export function heuristicImportance({ groups }: BitProblem): readonly number[] {
  const names = new Set(groups.map(({ name }) => name));
  const places = groups.map(({ name }) => placeOf(name, names));
  const lastBlocks = new Map<string, number>();
  for (const { tower, block } of places)
    lastBlocks.set(tower, Math.max(lastBlocks.get(tower) ?? 0, block ?? 0));
  return places.map((place) => {
    const last = lastBlocks.get(place.tower) ?? 0;
    const fromEnd = place.block === null ? 0 : Math.min(place.block, last - place.block);
    const near = 2 - (2 * fromEnd) / (last + 1);
    return isRaised(place, last) ? RAISED * near : near;
  });
}

const isRaised = ({ block, kind }: LayerPlace, last: number): boolean =>
  block === 0 || block === last || /\b(down|fc2|lm_head)\b/.test(kind);
