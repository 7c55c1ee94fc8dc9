import { intervalText } from "../quality-report/figure-text.ts";
import type { Figure } from "../quality/figures.ts";
import type { Goal } from "../schemes/scheme.ts";
import { goalFigureText, isWithin } from "../search/goal-figure.ts";
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
    goalFigureText(search, began.confirm, goal?.confidence),
    goalFigureText(search, found.confirm, goal?.confidence),
    goalFigureText(search, quality.search?.goal?.here ?? quality.figures.kl) + remark,
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
    const judged = goalFigureText(search, search.found.confirm, goal.confidence);
    return [
      {
        lead: `Goal met on confirm: ${name}, ${goalText(goal)}`,
        text: `${judged} on confirm, where it was judged; ${goalFigureText(search, here)} on report, ${standingOf(goal, here)}.`,
      },
    ];
  });
}

/** How a figure of the set `report`, which does not decide, stands to the goal: by the same end of its interval. */
function standingOf(goal: Goal, here: Figure): string {
  const other = "another sample of data may say otherwise than the one that judged";
  if (!isWithin(goal, here.value)) return `which is beyond the goal: ${other}`;
  return isWithin(goal, isAtLeast(goal.figure) ? here.low : here.high)
    ? "within the goal"
    : `where the value is within the goal and its 95 % interval is not: ${other}`;
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
