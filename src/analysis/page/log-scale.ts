import { positionOn, type ScaleEnds } from "./shared/chart-grid.ts";

/** Scores span decades, so positions and colours follow their logarithm. */
export interface LogScale extends ScaleEnds {
  readonly low: number;
  readonly high: number;
  /** 0 at `low`, 1 at `high`; what is below is put at 0, which is where zeros go. */
  readonly position: (value: number) => number;
  /** Powers of ten on the scale; thinned when there are many. */
  readonly decades: readonly number[];
}

/** Smaller scores than this part of the greatest are drawn at the low end. */
const WIDEST = 1e-9;

/** Null when there is nothing above zero. */
export function logScale(values: Iterable<number>, atMost = Infinity): LogScale | null {
  let smallest = Infinity;
  let greatest = 0;
  for (const value of values) {
    if (value > 0 && value < smallest) smallest = value;
    if (value > greatest) greatest = value;
  }
  if (!(greatest > 0)) return null;
  const low = Math.max(smallest, greatest * WIDEST);
  // Equal scores still need a width.
  const [from, to] =
    low === greatest
      ? [Math.log10(low) - 0.5, Math.log10(low) + 0.5]
      : [Math.log10(low), Math.log10(greatest)];
  const position = (value: number): number => positionOn({ from, to }, value);
  const first = Math.ceil(from - 1e-9);
  const all = Array.from(
    { length: Math.max(0, Math.floor(to + 1e-9) - first + 1) },
    (_, i) => first + i,
  );
  const every = Math.max(1, Math.ceil(all.length / atMost));
  const decades = all
    .filter((exponent) => exponent % every === 0)
    .map((exponent) => 10 ** exponent);
  return { from, to, low, high: greatest, position, decades };
}

export const decadeText = (decade: number): string => `1e${Math.round(Math.log10(decade))}`;
