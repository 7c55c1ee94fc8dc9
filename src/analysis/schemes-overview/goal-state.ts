import type { Figure } from "../quality/figures.ts";
import { figureText } from "../scheme-report/searched.ts";
import type { Goal, Scheme, SchemeChoice } from "../schemes/scheme.ts";
import { goalOf, goalText } from "../search/goal.ts";
import type { MeasuredSearch } from "../search/search-result.ts";

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

interface Asked {
  readonly asked: { readonly choice: SchemeChoice };
  readonly scheme: Scheme | null;
  readonly search: MeasuredSearch | null;
}

/** Null where a scheme has no goal. A search for another goal, as after an edit of the config, says nothing of this one. */
export function goalStateOf({ asked: { choice }, scheme, search }: Asked): GoalState | null {
  if (!("goal" in choice)) return null;
  const goal = goalOf(choice.goal);
  const isThis = (other: Goal | null | undefined): boolean =>
    JSON.stringify(sorted(other)) === JSON.stringify(sorted(goal));
  const found =
    search !== null && isThis(search.goal)
      ? search.found
      : isThis(scheme?.search?.goal)
        ? { met: scheme?.search?.met ?? null, confirm: scheme?.search?.found.confirm ?? null }
        : null;
  return { goal, text: goalText(goal), met: found?.met ?? null, judged: found?.confirm ?? null };
}

const sorted = (goal: Goal | null | undefined): readonly unknown[] =>
  goal === null || goal === undefined ? [] : [goal.figure, goal.bound, goal.confidence];

/** `met: 0.0093 (0.0090 to 0.0097) on confirm`. */
export function goalWords({ goal, met, judged }: GoalState): string {
  if (met === null || judged === null) return "not searched yet";
  return `${met ? "met" : "not met"}: ${figureText(goal.figure, judged)} on confirm`;
}
