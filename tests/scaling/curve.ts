import {
  MEASURED,
  PAIRS,
  secondsOf,
  SIZES,
  spentBy,
  type Parts,
  type Scoring,
  type Spent,
} from "./parts.ts";
import { simulate, type Simulated, type World } from "./simulation.ts";

export { MEASURED } from "./parts.ts";

/** As rules declare it of scoring. */
const SHARED = 0.9;

export const worldOf = (parts: Parts): World => ({
  start: parts.start,
  spent: (group, formats, cold, devices) => spentBy(parts, group.steps, formats, cold, devices),
  predicted: ({ steps }, format) => secondsOf(spentBy(parts, steps, [format], false, 1)),
  shared: SHARED,
  sharesSteps: true,
});

export const ONE_TO_EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];

export interface Point {
  readonly gpus: number;
  readonly seconds: number;
  readonly factor: number;
  /** What the job that ends last spends its time on, with what passed before it began. */
  readonly last: Spent & { readonly before: number };
  /** Part of all device time in which no job is on a device. */
  readonly idle: number;
}

export function curve(
  groups: readonly Scoring[],
  counts: readonly number[] = ONE_TO_EIGHT,
  parts: Parts = MEASURED,
): readonly Point[] {
  const world = worldOf(parts);
  const alone = simulate(groups, 1, world).seconds;
  return counts.map((gpus) => pointOf(simulate(groups, gpus, world), gpus, alone));
}

function pointOf({ seconds, jobs }: Simulated, gpus: number, alone: number): Point {
  const last = jobs.reduce((a, b) => (b.end > a.end ? b : a));
  const busy = jobs.reduce(
    (sum, { begin, end, devices }) => sum + (end - begin) * devices.length,
    0,
  );
  return {
    ...{ gpus, seconds, factor: alone / seconds },
    last: { ...last.spent, before: last.begin },
    idle: 1 - busy / (gpus * seconds),
  };
}

const COLUMNS = ["before", "imports", "load", "insert", "walk", "score"] as const;

/** A Markdown table of the curve. */
export function curveTable(points: readonly Point[]): string {
  const head = ["GPUs", "seconds", "factor", ...COLUMNS, "idle"];
  const rows = points.map(({ gpus, seconds, factor, last, idle }) => [
    String(gpus),
    seconds.toFixed(1),
    `${factor.toFixed(2)} x`,
    ...COLUMNS.map((name) => last[name].toFixed(1)),
    `${Math.round(idle * 100)} %`,
  ]);
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** With so many devices each step of the longest group has one to itself: more would bring nothing. */
const stepsIn = (groups: readonly Scoring[]): number =>
  Math.max(...groups.map(({ steps }) => steps));

/** What there is to print: one analysis in all pairs, and three sizes of it. */
export function report(parts: Parts = MEASURED): string {
  const cases: readonly (readonly [string, readonly Scoring[]])[] = [
    [PAIRS.name, [PAIRS]],
    ["16 pairs, small, medium and large", SIZES],
  ];
  return cases
    .map(
      ([name, groups]) =>
        `${name}\n\n${curveTable(curve(groups, [...ONE_TO_EIGHT, stepsIn(groups)], parts))}\n`,
    )
    .join("\n");
}
