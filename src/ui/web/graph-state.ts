import { VERDICTS, type GraphData } from "./data.ts";
import { find } from "./elements.ts";
import { duration, isDue, readActions, type Action } from "./graph-model.ts";

export const data = JSON.parse(find("data").textContent) as GraphData;
export const actions = readActions(data);

export const count = (verdict: string, among = actions): number =>
  among.reduce((sum, action) => sum + (action.verdict === verdict ? 1 : 0), 0);

/** The states that any action is in. */
export const present = VERDICTS.filter((verdict) => count(verdict) > 0);

/** How long all that is due takes, one after the other, and how much of it was never timed; empty where nothing is due. */
export function dueText(among: readonly Action[]): readonly string[] {
  const due = among.filter(isDue);
  const seconds = due.reduce((sum, action) => sum + (action.seconds ?? 0), 0);
  const untimed = due.filter((action) => action.seconds === null).length;
  return [
    ...(seconds > 0 ? [duration(seconds)] : []),
    ...(untimed > 0 ? [`${untimed} never timed`] : []),
  ];
}

/** How many actions, how many of them are not fresh, and what those cost. */
export function summaryOf(among: readonly Action[]): string {
  const stale = among.length - count("fresh", among);
  return [
    `${among.length}`,
    stale === 0 ? "all fresh" : `${stale} not fresh`,
    ...dueText(among),
  ].join(" · ");
}
