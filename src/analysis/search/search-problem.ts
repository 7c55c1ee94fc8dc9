import { failed, ok, type Analysed } from "../result/result.ts";
import { chooseBits, chooseGigabytes, wholeBytes } from "../schemes/choice.ts";
import { schemeGroups, type SchemeGroups, type SchemeModel } from "../schemes/scheme-groups.ts";
import type { Goal, SchemeChoice, SearchStart } from "../schemes/scheme.ts";
import type { BitProblem } from "../solve/problem.ts";
import type { AloneKl } from "./alone.ts";
import { goalOf } from "./goal.ts";
import { mergedFrontier, type FrontierPlan } from "./merged-frontier.ts";
import { costOf, groupsOf, weighedGroups, type WeighedGroups } from "./weighed-groups.ts";

/** Choices that are searched by measurement. */
export type SearchedChoice = Extract<
  SchemeChoice,
  { readonly bits: number } | { readonly gigabytes: number } | { readonly goal: unknown }
>;

export interface SearchRequest {
  readonly choice: SearchedChoice;
  readonly starts: readonly SearchStart[];
  /** Whether the output layer may be quantized. */
  readonly lmHead: boolean;
}

/** What a search by measurement is given: `problem.json`, and what holds its result against it. */
export interface SearchProblem extends WeighedGroups {
  /** Greatest summed cost over the groups; null with a goal. */
  readonly limit: number | null;
  readonly goal: Goal | null;
  /** With a limit: the exact solver's plans within it, in the order of the groups. */
  readonly starts: readonly { readonly name: SearchStart; readonly formats: readonly string[] }[];
  /** With a goal: plans by rising cost. */
  readonly frontier: readonly FrontierPlan[];
  /** Size of the checkpoint without the weights of these groups, in bytes. */
  readonly fixedBytes: number;
}

/**
 * What a scheme is searched for among: groups with costs and measured divergences, and where the search begins.
 *
 * @param all the groups of the model with stored bits and scores
 */
export function searchProblem(
  all: BitProblem,
  model: SchemeModel,
  { choice, starts, lmHead }: SearchRequest,
  alone: AloneKl,
): Analysed<SearchProblem> {
  const groups = schemeGroups(all, model, lmHead);
  if (!groups.ok) return groups;
  const weighed = weighedGroups(groups.value, "bits" in choice ? "bits" : "bytes", alone);
  if (!weighed.ok) return weighed;
  if (weighed.value.groups.length === 0) {
    const what = "No candidate fits any layer group that may be quantized";
    return failed(
      "no_candidates",
      "",
      `${what}. Add a candidate without blocks, or with smaller ones.`,
    );
  }
  const fixedBytes = model.tensors.bytes - weighed.value.keptBytes;
  const shared = { ...weighed.value, fixedBytes };
  if ("goal" in choice) {
    const frontier = mergedFrontier(weighed.value, starts);
    if (!frontier.ok) return frontier;
    const goal = goalOf(choice.goal);
    return ok({ ...shared, limit: null, goal, starts: [], frontier: frontier.value });
  }
  const begun: SearchProblem["starts"][number][] = [];
  for (const name of starts) {
    const formats = startWithin(groupsOf(groups.value, weighed.value, name), model, choice);
    if (!formats.ok) return formats;
    const inOrder = weighed.value.groups.map((group) => formats.value.get(group.name) ?? "");
    begun.push({ name, formats: inOrder });
  }
  const budget =
    "bits" in choice
      ? choice.bits * weighed.value.groups.reduce((sum, { weights }) => sum + weights, 0)
      : wholeBytes(choice.gigabytes) - fixedBytes;
  // A solver's plan may exceed the budget by a rounding error.
  const limit = Math.max(budget, ...begun.map(({ formats }) => costOf(weighed.value, formats)));
  return ok({ ...shared, limit, goal: null, starts: begun, frontier: [] });
}

function startWithin(
  groups: SchemeGroups,
  { tensors }: SchemeModel,
  choice: Exclude<SearchedChoice, { readonly goal: unknown }>,
): Analysed<ReadonlyMap<string, string>> {
  const chosen =
    "bits" in choice
      ? chooseBits(groups, choice.bits)
      : chooseGigabytes(groups, tensors, choice.gigabytes);
  return chosen.ok ? ok(chosen.value.formats) : chosen;
}
