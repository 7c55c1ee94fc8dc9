import { planRequest, type PlanRequest } from "../bit-plan/plan-request.ts";
import { problemAsSet, type PlanSettings } from "../bit-plan/plan-settings.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { effectiveBits } from "../formats/cost.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import type { CheckpointTensors } from "./checkpoint-tensors.ts";
import type { Dropped, SchemeChoice } from "./scheme.ts";
import {
  fitting,
  type SchemeCandidate,
  type SchemeGroup,
  type SchemeGroups,
} from "./scheme-groups.ts";
import { topGroups, type Share } from "./top-groups.ts";

/** A format for each group that may be quantized, by the group's name. */
export interface Chosen {
  readonly formats: ReadonlyMap<string, string>;
  /** Candidates that a solver could not take. */
  readonly dropped: readonly Dropped[];
  /** Where a share of a ranking was taken. */
  readonly share?: Share;
}

/** A bit plan as a scheme takes it over. */
export interface PlanToTake {
  /** The groups of the model with bits as the plan counts them. */
  readonly counted: BitProblem;
  readonly request: PlanRequest;
  readonly settings: PlanSettings;
  readonly candidates: readonly SchemeCandidate[];
}

/** Two bytes for each fp16-equivalent element, the unit of costs. */
export const BYTES_PER_COST = 2;

/** The groups that the choice is one of, for messages. */
const named = (groups: readonly ChoiceGroup[]): string =>
  groups.length === 1 ? "the one layer group" : `all ${groups.length} layer groups`;

/** Whether a group has a choice. */
export const isOpen = ({ candidates }: ChoiceGroup): boolean => candidates.length > 1;

/** The first groups of the ranking get the one candidate; refused where a server could not read one of them. */
export function chooseShare(
  { open }: SchemeGroups,
  {
    top_percent: percent,
    most_sensitive: opposite,
  }: Extract<SchemeChoice, { top_percent: number }>,
  candidate: string,
): Analysed<Chosen> {
  const ranked = open.map(({ group: { name, candidates } }) => ({
    name,
    importance: Math.max(...candidates.map(({ score }) => score)),
  }));
  const share = topGroups(ranked, percent, opposite === true);
  const selected = new Set(share.selected);
  const unfit = firstUnfit(
    open.filter(({ group }) => selected.has(group.name)),
    candidate,
  );
  if (unfit !== undefined) return unfit;
  const formats = new Map(
    open.map(({ group: { name } }) => [name, selected.has(name) ? candidate : UNQUANTIZED]),
  );
  return ok({ formats, dropped: [], share });
}

/** Every group gets the one candidate; refused where a server could not read one of them. */
export function chooseEverywhere({ open }: SchemeGroups, candidate: string): Analysed<Chosen> {
  const unfit = firstUnfit(open, candidate);
  if (unfit !== undefined) return unfit;
  return ok({
    formats: new Map(open.map(({ group }) => [group.name, candidate])),
    dropped: [],
  });
}

function firstUnfit(
  groups: readonly SchemeGroup[],
  candidate: string,
): ReturnType<typeof failed> | undefined {
  const unfit = groups.filter(({ unfit: by }) => by.has(candidate));
  const [first] = unfit;
  if (first === undefined) return undefined;
  const { group, unfit: by } = first;
  const others = unfit.length === 1 ? "" : ` (and ${unfit.length - 1} more layer groups)`;
  return failed(
    "not_exportable",
    group.name,
    `${candidate} cannot be exported for ${group.name}${others}: ${by.get(candidate) ?? ""}. Take another pair, or a choice by bits or gigabytes, which leaves such layers out.`,
  );
}

/** The plan with the least summed score of at most so many stored bits a weight. */
export function chooseBits(groups: SchemeGroups, bits: number): Analysed<Chosen> {
  const { groups: fit, dropped } = fitting(groups);
  const problem = { groups: fit.map(({ group }) => group).filter(isOpen) };
  const solved = solveBitPlan(problem, bits);
  if (!solved.ok) return solved;
  if (!solved.value.satisfied) {
    const least = solved.value.bits.minimum;
    return failed(
      "budget_unmet",
      "choice.bits",
      `A budget of ${bits} bits a weight cannot be met: over the ${problem.groups.length} layer groups that may be quantized the smallest plan has ${shown(least)}. Ask for ${shown(least)} to 16, or add a smaller candidate.`,
    );
  }
  return quantizesSome(formatsOf(solved.value.choices), dropped, `${bits} bits a weight`);
}

/**
 * The plan with the least summed score whose checkpoint has at most so many bytes, in each of its export formats.
 * Where these differ in size, a layer counts with the larger one.
 */
export function chooseGigabytes(
  groups: SchemeGroups,
  tensors: CheckpointTensors,
  gigabytes: number,
): Analysed<Chosen> {
  const { groups: open, dropped } = fitting(groups);
  const weighed = open.map(inBytes);
  const problem = { groups: weighed };
  const weights = weighed.reduce((sum, group) => sum + group.weights, 0);
  const fixed = tensors.bytes - open.reduce((sum, { keptBytes }) => sum + keptBytes, 0);
  const smallest =
    fixed +
    weighed.reduce(
      (sum, { candidates }) =>
        sum + BYTES_PER_COST * Math.min(...candidates.map(({ cost }) => cost)),
      0,
    );
  const asked = wholeBytes(gigabytes);
  const range = `Ask for ${shown(smallest / 1e9)} to ${shown(tensors.bytes / 1e9)} GB`;
  if (asked > tensors.bytes) {
    return failed(
      "invalid_budget",
      "choice.gigabytes",
      `A budget of ${gigabytes} GB asks for nothing: the checkpoint has ${shown(tensors.bytes / 1e9)} GB as it is. ${range}.`,
    );
  }
  if (asked < smallest) {
    return failed(
      "budget_unmet",
      "choice.gigabytes",
      `A budget of ${gigabytes} GB cannot be met: with the smallest candidates on ${named(weighed)} that may be quantized the checkpoint has ${shown(smallest / 1e9)} GB, ${shown(fixed / 1e9)} GB in embeddings, norms and kept layers. ${range}, or add a smaller candidate.`,
    );
  }
  const solved = solveBitPlan(problem, effectiveBits((asked - fixed) / BYTES_PER_COST, weights));
  if (!solved.ok) return solved;
  return quantizesSome(formatsOf(solved.value.choices), dropped, `${gigabytes} GB`);
}

/** 4.3 x 10^9 is a little less than 4300000000 in floating point. */
export const wholeBytes = (gigabytes: number): number => Math.floor(gigabytes * 1e9 + 1e-3);

/** A group whose candidates cost what they take in the larger of the export formats. */
export function inBytes({ group, bytes, keptBytes }: SchemeGroup): ChoiceGroup {
  const candidates = group.candidates.map((candidate) => {
    const sizes = [...bytes.values()].map((by) => by.get(candidate.format) ?? 0);
    const size = candidate.format === UNQUANTIZED ? keptBytes : Math.max(...sizes);
    const cost = size / BYTES_PER_COST;
    return { ...candidate, cost, bits: effectiveBits(cost, group.weights) };
  });
  return { ...group, candidates };
}

/** What a bit plan chooses, where a checkpoint can hold it. */
export function choosePlan(
  groups: SchemeGroups,
  { counted, request, settings, candidates }: PlanToTake,
): Analysed<Chosen> {
  const { groups: fit, dropped } = fitting(groups);
  const allowed = new Map(fit.map(({ group }) => [group.name, group.candidates.map(formatOf)]));
  const all = counted.groups.map((group) => {
    const formats = allowed.get(group.name) ?? [UNQUANTIZED];
    return { ...group, candidates: group.candidates.filter((of) => formats.includes(of.format)) };
  });
  const problem = problemAsSet({ groups: all }, candidates, settings, request);
  if (!problem.ok) return problem;
  const planned = planRequest(problem.value.searched, request);
  if (!planned.ok) return planned;
  const open = new Set(groups.open.map(({ group }) => group.name));
  const formats = formatsOf(planned.value.plan.choices.filter(({ name }) => open.has(name)));
  return quantizesSome(formats, dropped, "the bit plan");
}

const formatOf = ({ format }: { readonly format: string }): string => format;

const formatsOf = (
  choices: readonly { readonly name: string; readonly candidate: { readonly format: string } }[],
): ReadonlyMap<string, string> =>
  new Map(choices.map(({ name, candidate }) => [name, candidate.format]));

function quantizesSome(
  formats: ReadonlyMap<string, string>,
  dropped: readonly Dropped[],
  budget: string,
): Analysed<Chosen> {
  if ([...formats.values()].every((format) => format === UNQUANTIZED)) {
    const what = `With ${budget} no layer is quantized, so that there is nothing to export`;
    return failed("invalid_budget", "choice", `${what}. Ask for less.`);
  }
  return ok({ formats, dropped });
}

/** Seven digits, and never below the number. */
function shown(value: number): string {
  const digits = Number(value.toPrecision(7));
  if (digits >= value) return String(digits);
  const step = 10 ** (Math.floor(Math.log10(value)) - 6);
  return String(Number((digits + step).toPrecision(7)));
}
