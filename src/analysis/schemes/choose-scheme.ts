import { UNQUANTIZED } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import {
  chooseBits,
  chooseEverywhere,
  chooseGigabytes,
  choosePlan,
  chooseShare,
  isOpen,
  type Chosen,
  type PlanToTake,
} from "./choice.ts";
import { planBits } from "./controls.ts";
import {
  checkpointBytes,
  fitting,
  schemeGroups,
  type SchemeGroups,
  type SchemeModel,
} from "./scheme-groups.ts";
import type { Ranking, Scheme, Searched } from "./scheme.ts";
import type { Share } from "./top-groups.ts";

/** What a scheme is called, and how its layers get their formats. */
export interface SchemeRequest extends Pick<
  Scheme,
  "name" | "model" | "scope" | "size" | "engine" | "choice"
> {
  /** Whether the output layer may be quantized. */
  readonly lmHead: boolean;
  /** For a choice by bit plan. */
  readonly plan?: PlanToTake;
  /** The plan that a search by measurement found. */
  readonly searched?: {
    /** Of each group that has a choice, by the group's name. */
    readonly formats: ReadonlyMap<string, string>;
    readonly how: Searched;
  };
}

export interface ChosenScheme {
  readonly scheme: Scheme;
  /** Groups that may be quantized, each with the candidates that a checkpoint can hold: what controls mix. */
  readonly problem: BitProblem;
  /** Every group that plans of this scope have to name, by name; those that are not in `problem` stay `NONE`. */
  readonly planned: readonly ChoiceGroup[];
  /** Where a share of a ranking was taken. */
  readonly share?: Share;
}

/**
 * Chooses a format for every layer group, and works out what the checkpoint takes.
 *
 * @param all the groups of the model with stored bits; for `everywhere` and `recipe` all scores are 0
 */
export function chooseScheme(
  request: SchemeRequest,
  all: BitProblem,
  model: SchemeModel,
): Analysed<ChosenScheme> {
  const groups = schemeGroups(all, model, request.lmHead);
  if (!groups.ok) return groups;
  const chosen = choose(request, groups.value, model);
  if (!chosen.ok) return chosen;
  const { formats, dropped, share } = chosen.value;
  const formatOf = (group: string): string => formats.get(group) ?? UNQUANTIZED;
  const problem = {
    groups: fitting(groups.value)
      .groups.map(({ group }) => group)
      .filter(isOpen),
  };
  const { open, kept } = groups.value;
  const exports = model.exports.map((format) => ({
    format,
    bytes: checkpointBytes(model.tensors, open, formatOf, format),
  }));
  const bytes = Math.max(...exports.map((each) => each.bytes));
  const isScored = request.engine !== null;
  const { name, model: of, scope, size, engine, choice } = request;
  const scheme: Scheme = {
    name,
    model: of,
    scope,
    size,
    engine,
    candidates: model.candidates.map((candidate) => candidate.name),
    choice,
    ranking: rankingOf(request),
    achieved: {
      bits: planBits(problem, { formats: problem.groups.map((group) => formatOf(group.name)) }),
      whole_bits: (8 * bytes) / model.tensors.elements,
      bytes,
      score: isScored
        ? scoreOf(
            open.map(({ group }) => group),
            formatOf,
          )
        : null,
      quantized_groups: [...formats.values()].filter((format) => format !== UNQUANTIZED).length,
      groups: open.length,
    },
    ...(request.searched === undefined ? {} : { search: request.searched.how }),
    exports,
    dropped: [...groups.value.dropped, ...dropped],
    layers: all.groups.map(({ name: group, modules = [group] }) => ({
      group,
      modules,
      format: formatOf(group),
    })),
  };
  const named = new Set([
    ...open.map(({ group }) => group.name),
    ...kept.map((group) => group.name),
  ]);
  // By name: the same plan is the same bytes, whether scores or the checkpoint told its groups.
  const planned = all.groups
    .filter((group) => named.has(group.name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return ok({ scheme, problem, planned, ...(share === undefined ? {} : { share }) });
}

function choose(
  { choice, plan, searched }: SchemeRequest,
  groups: SchemeGroups,
  { candidates, tensors }: SchemeModel,
): Analysed<Chosen> {
  const [only] = candidates;
  if (searched !== undefined)
    return ok({ formats: searched.formats, dropped: fitting(groups).dropped });
  if ("goal" in choice) {
    const what = "A goal is met by measuring plans, and no found plan was handed over";
    return failed("wrong_structure", "choice.goal", `${what}. Hand over what the search found.`);
  }
  if ("top_percent" in choice) return chooseShare(groups, choice, only?.name ?? "");
  if ("bits" in choice) return chooseBits(groups, choice.bits);
  if ("gigabytes" in choice) return chooseGigabytes(groups, tensors, choice.gigabytes);
  if (!("bit_plan" in choice)) return chooseEverywhere(groups, only?.name ?? "");
  if (plan !== undefined) return choosePlan(groups, plan);
  const what = `What the bit plan ${choice.bit_plan} asks for was not handed over`;
  return failed("wrong_structure", "choice.bit_plan", `${what}. Hand over its request.`);
}

function rankingOf({ choice }: SchemeRequest): Ranking {
  if (!("top_percent" in choice)) return null;
  return choice.most_sensitive === true ? "most sensitive first" : "least sensitive first";
}

const scoreOf = (groups: readonly ChoiceGroup[], formatOf: (group: string) => string): number =>
  groups.reduce((sum, { name, candidates }) => {
    const chosen = candidates.find(({ format }) => format === formatOf(name));
    return sum + (chosen?.score ?? NaN);
  }, 0);
