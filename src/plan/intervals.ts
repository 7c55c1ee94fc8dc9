import type { Interval } from "./estimate.ts";

export const NOTHING: Interval = { low: 0, likely: 0, high: 0 };

function combine(
  intervals: readonly Interval[],
  how: (a: number, b: number) => number,
): Interval | null {
  if (intervals.length === 0) return null;
  return intervals.reduce((a, b) => ({
    low: how(a.low, b.low),
    likely: how(a.likely, b.likely),
    high: how(a.high, b.high),
  }));
}

export const sum = (intervals: readonly Interval[]): Interval =>
  combine(intervals, (a, b) => a + b) ?? NOTHING;
export const most = (intervals: readonly Interval[]): Interval | null =>
  combine(intervals, (a, b) => Math.max(a, b));
export const times = ({ low, likely, high }: Interval, factor: number): Interval => ({
  low: low * factor,
  likely: likely * factor,
  high: high * factor,
});
