import type { Goal, SchemeChoice } from "../schemes/scheme.ts";
import { goalOf } from "../search/goal.ts";
import type { MeasuredSearch } from "../search/search-result.ts";

/** What a config asks of a search, beside the search that lies in the workspace. */
export interface SearchedScheme {
  readonly asked: {
    readonly choice: SchemeChoice;
    readonly scope: "lm" | "all_layers";
    readonly candidates: readonly string[];
  };
  readonly search: MeasuredSearch | null;
}

/** The search where it is what the config asks for. One of before an edit says nothing of the scheme: then null. */
export function ownSearch({ asked, search }: SearchedScheme): MeasuredSearch | null {
  if (search === null || !isAsked(asked, search)) return null;
  const { choice } = asked;
  const goal = "goal" in choice ? goalOf(choice.goal) : null;
  return isSameGoal(search.goal, goal) ? search : null;
}

/** Whether something was chosen from the candidates and in the scope that the config names. */
export const isAsked = (
  asked: SearchedScheme["asked"],
  of: Pick<MeasuredSearch, "scope" | "candidates">,
): boolean => of.scope === asked.scope && of.candidates.join(" ") === asked.candidates.join(" ");

export const isSameGoal = (one: Goal | null | undefined, other: Goal | null): boolean =>
  one?.figure === other?.figure &&
  one?.bound === other?.bound &&
  one?.confidence === other?.confidence;
