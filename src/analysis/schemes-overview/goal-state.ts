import type { Figure } from "../quality/figures.ts";
import type { Goal, Scheme } from "../schemes/scheme.ts";
import { goalFigureText } from "../search/goal-figure.ts";
import { goalOf, goalText } from "../search/goal.ts";
import { isAsked, isSameGoal, ownSearch, type SearchedScheme } from "./own-search.ts";

/** What a scheme asks of quality, and what came out on the set `confirm`, where goals are judged. */
export interface GoalState {
  readonly goal: Goal;
  /** `KL ≤ 0.01 (95 %)`. */
  readonly text: string;
  /** Null where nothing was searched for this goal yet. */
  readonly met: boolean | null;
  /** Of the found plan, or of the best measured one. */
  readonly judged: Figure | null;
}

interface Asked extends SearchedScheme {
  readonly scheme: Scheme | null;
}

/** Null where a scheme has no goal. A search for another goal, in another scope or from other candidates, as after an edit of the config, says nothing of this one. */
export function goalStateOf(shown: Asked): GoalState | null {
  const { asked, scheme } = shown;
  const { choice } = asked;
  if (!("goal" in choice)) return null;
  const goal = goalOf(choice.goal);
  const chosen =
    scheme !== null && isAsked(asked, scheme) && isSameGoal(scheme.search?.goal, goal)
      ? scheme.search
      : undefined;
  const found =
    ownSearch(shown)?.found ??
    (chosen === undefined ? null : { met: chosen.met, confirm: chosen.found.confirm });
  return { goal, text: goalText(goal), met: found?.met ?? null, judged: found?.confirm ?? null };
}

/** `met: 0.0093 (0.0090 to 0.0097) on confirm`. */
export function goalWords({ goal, met, judged }: GoalState): string {
  if (met === null || judged === null) return "not searched yet";
  return `${met ? "met" : "not met"}: ${goalFigureText({ figure: goal.figure, goal }, judged, goal.confidence)} on confirm`;
}
