import { rankBySensitivity, type RankedLayer } from "../manifest/rank.ts";

/** A ranking cut in two. */
export interface Share {
  /** In the order in which they are taken. */
  readonly selected: readonly string[];
  readonly others: readonly string[];
}

/**
 * The first groups of the ranking by sensitivity: max(1, ceil(percent x groups / 100)) of them, least sensitive
 * first, equals in module order. Most sensitive first is the same ranking backwards.
 *
 * Source: the original's slicer, which takes ceil(percent / 100 x groups).
 */
export function topGroups(
  groups: readonly RankedLayer[],
  percent: number,
  mostSensitiveFirst: boolean,
): Share {
  const ranked = rankBySensitivity(groups).map(({ name }) => name);
  if (mostSensitiveFirst) ranked.reverse();
  // Of whole numbers, since 0.07 x 100 is more than 7 in floating point.
  const count = Math.max(1, Math.ceil((percent * groups.length) / 100));
  return { selected: ranked.slice(0, count), others: ranked.slice(count) };
}
