import type { Figure } from "../quality/figures.ts";
import { timesText } from "./figure-text.ts";

/** One thing that was found: what it is in a few words, then what was measured. */
export interface AnswerPoint {
  readonly lead: string;
  readonly text: string;
}

/** From the least to the greatest: `2.4 to 6.1`, or one value. */
export function rangeText(factors: readonly Figure[]): string {
  const values = factors.map(({ value }) => value);
  const [low, high] = [timesText(Math.min(...values), 2), timesText(Math.max(...values), 2)];
  return low === high ? low : `${low} to ${high}`;
}
