import type { BudgetStep } from "./curve.ts";
import { at } from "./numbers.ts";

/** Where bits and scores are on the drawing of the curves. */
export interface ChartGrid {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly height: number;
  /** Bits over all layers at its left and right end. */
  readonly from: number;
  readonly to: number;
  /** Null where no score is above zero. */
  readonly scale: ScaleEnds | null;
}

/** A logarithmic scale, by the logarithms (base 10) of its ends. */
export interface ScaleEnds {
  readonly from: number;
  readonly to: number;
}

/** 0 at the low end, 1 at the high end; what is below is put at 0, which is where zeros go. */
export const positionOn = ({ from, to }: ScaleEnds, value: number): number =>
  value <= 0 ? 0 : Math.min(1, Math.max(0, (Math.log10(value) - from) / (to - from)));

export const across = ({ left, right, from, to }: ChartGrid, bits: number): number =>
  left + ((right - left) * (bits - from)) / (to - from);

/** Zeros get a line of their own below the logarithmic part. */
export const up = ({ top, height, scale }: ChartGrid, score: number): number =>
  top + height * (score > 0 ? 0.92 * (1 - (scale === null ? 0 : positionOn(scale, score))) : 1);

/** A curve as the data of an SVG path: a stair, since a plan is the best until the next one fits. */
export const curvePath = (grid: ChartGrid, steps: readonly BudgetStep[]): string =>
  steps
    .map(({ bits, score }, step) => {
      const [x, y] = [at(across(grid, bits)), at(up(grid, score))];
      return step === 0 ? `M${x} ${y}` : `H${x}V${y}`;
    })
    .join("");
