import { intervalText, percentText, smallText, timesText } from "../quality-report/figure-text.ts";
import type { Figure } from "../quality/figures.ts";
import type { GoalFigure } from "../schemes/scheme.ts";
import { figureName, goalText, isAtLeast } from "../search/goal.ts";
import type { ReportedScheme } from "./scheme-report.ts";
import type { Point } from "./words.ts";

/** Titles of the table of schemes that were found by measurement. */
export const SEARCH_TITLES = [
  "Scheme",
  "Goal",
  "Judged by",
  "Began",
  "At the start, on confirm",
  "Found, on confirm",
  "Found, on report",
  "Measurements",
  "Moves kept / tried",
  "KL of exact solvers on report, as a multiple",
];

/**
 * What a row says of a searched scheme; null where it was not searched.
 *
 * @param remark on figures of the set `report`, which may be older than the search
 */
export function searchRow(
  { scheme, quality }: ReportedScheme,
  remark = "",
): readonly string[] | null {
  const { search } = scheme;
  if (search === undefined) return null;
  const { figure, goal, began, found, moves, measured, exhausted } = search;
  return [
    scheme.name,
    goal === null ? "–" : `${goalText(goal)}: ${search.met === true ? "met" : "not met"}`,
    figureName(figure),
    began.name,
    figureText(figure, began.confirm),
    figureText(figure, found.confirm),
    figureText(figure, quality.search?.goal?.here ?? quality.figures.kl) + remark,
    `${measured} of ${search.settings.measurements}${exhausted ? ", nothing left to try" : ""}`,
    `${moves.kept} / ${moves.tried}`,
    (quality.search?.starts ?? [])
      .map(({ plan, factor }) => `${plan}: ${intervalText(factor)}${remark}`)
      .join("; "),
  ];
}

/** What was asked of quality, and what came out; and what measuring was worth beside exact solvers. */
export const searchPoints = (schemes: readonly ReportedScheme[]): readonly Point[] => [
  ...goalPoints(schemes),
  ...solverPoints(schemes),
];

function goalPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  return schemes.flatMap(({ scheme: { name, search }, quality }) => {
    const goal = search?.goal ?? null;
    const here = quality.search?.goal?.here;
    if (search === undefined || goal === null || here === undefined) return [];
    const { figure, bound } = goal;
    const kept = isAtLeast(figure) ? here.value >= bound : here.value <= bound;
    const on = `${figureText(figure, search.found.confirm)} on confirm, where it was judged; ${figureText(figure, here)} on report`;
    return [
      {
        lead: `Goal met: ${name}, ${goalText(goal)}`,
        text: `${on}${kept ? "" : ", which is beyond the goal: another sample of data may say otherwise than the one that judged"}.`,
      },
    ];
  });
}

/** Paired factors on data that no search has seen. */
function solverPoints(schemes: readonly ReportedScheme[]): readonly Point[] {
  return schemes.flatMap(({ scheme: { name }, quality: { search } }) => {
    if (search === undefined || search.starts.length === 0) return [];
    const each = search.starts.map(({ plan, factor }) => {
      const word = factor.low > 1 ? "worse" : factor.high < 1 ? "better" : "no difference shown";
      return `${plan} ${intervalText(factor)}: ${word}`;
    });
    return [
      {
        lead: `Measured search against exact solvers: ${name}`,
        text: `KL of their plans on report, as a multiple of the found one’s: ${each.join("; ")}.`,
      },
    ];
  });
}

/** A figure that a goal may name, with its interval. */
export function figureText(figure: GoalFigure, of: Figure): string {
  const write =
    figure === "top1_agreement"
      ? percentText
      : figure === "perplexity_ratio"
        ? (value: number): string => timesText(value, 6)
        : smallText;
  return intervalText(of, write);
}
