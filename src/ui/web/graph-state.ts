import { VERDICTS, type GraphData } from "./data.ts";
import { find } from "./elements.ts";
import { duration, isDue, readActions, type Action } from "./graph-model.ts";

export const data = JSON.parse(find("data").textContent) as GraphData;
export const actions = readActions(data);

export const count = (verdict: string, among = actions): number =>
  among.reduce((sum, action) => sum + (action.verdict === verdict ? 1 : 0), 0);

/** The states that any action is in. */
export const present = VERDICTS.filter((verdict) => count(verdict) > 0);

/** How long all that is due takes, as far as anybody knows. */
export const dueSeconds = (among: readonly Action[]): number =>
  among.filter(isDue).reduce((sum, action) => sum + (action.seconds ?? 0), 0);

/** How many actions, how many of them are not fresh, and what those cost. */
export function summaryOf(among: readonly Action[]): string {
  const stale = among.length - count("fresh", among);
  const seconds = dueSeconds(among);
  return [
    `${among.length}`,
    stale === 0 ? "all fresh" : `${stale} not fresh`,
    ...(seconds > 0 ? [duration(seconds)] : []),
  ].join(" · ");
}
