import { UNQUANTIZED_BITS } from "../formats/label.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { ok, type Analysed } from "../result/result.ts";
import { BYTES_PER_COST, inBytes, isOpen } from "../schemes/choice.ts";
import { fitting, type SchemeGroup, type SchemeGroups } from "../schemes/scheme-groups.ts";
import type { SearchStart } from "../schemes/scheme.ts";
import type { BitProblem, Candidate, ChoiceGroup } from "../solve/problem.ts";
import type { AloneKl } from "./alone.ts";

/** What plans are held against each other by. */
export type SearchUnit = "bytes" | "bits";

/** A candidate with the measured KL of its group alone. */
export interface WeighedCandidate extends Candidate {
  readonly alone: number;
}

export interface WeighedGroup extends ChoiceGroup {
  readonly candidates: readonly WeighedCandidate[];
}

/** Groups that have a choice, in module order. */
export interface WeighedGroups {
  readonly unit: SearchUnit;
  /** Costs are those of solvers, in fp16-equivalent elements: of the larger export for bytes, as stored for bits. */
  readonly groups: readonly WeighedGroup[];
  /** All that plan documents have to name as unquantized: groups that no candidate fits, and convolutions. */
  readonly kept: readonly ChoiceGroup[];
  /** Bytes of these groups' weights in the checkpoint as it is. */
  readonly keptBytes: number;
}

/** What a unit is in the costs of solvers. */
export const unitsPerCost = (unit: SearchUnit): number =>
  unit === "bytes" ? BYTES_PER_COST : UNQUANTIZED_BITS;

export function weighedGroups(
  groups: SchemeGroups,
  unit: SearchUnit,
  alone: AloneKl,
): Analysed<WeighedGroups> {
  const fit = fitting(groups).groups;
  const open = fit.filter(({ group }) => isOpen(group));
  const weighed: WeighedGroup[] = [];
  for (const each of open) {
    const group = unit === "bytes" ? inBytes(each) : each.group;
    const candidates: WeighedCandidate[] = [];
    for (const candidate of group.candidates) {
      const kl = alone(group.name, candidate.format);
      if (!kl.ok) return kl;
      candidates.push({ ...candidate, alone: kl.value });
    }
    weighed.push({ ...group, candidates });
  }
  return ok({
    unit,
    groups: weighed,
    kept: [...fit.filter(({ group }) => !isOpen(group)).map(({ group }) => group), ...groups.kept],
    keptBytes: open.reduce((sum, { keptBytes }) => sum + keptBytes, 0),
  });
}

/** The problem of an exact solver whose scores are those of a start. */
export const problemOf = ({ groups }: WeighedGroups, start: SearchStart): BitProblem => ({
  groups: groups.map((group) => ({
    ...group,
    candidates: group.candidates.map(({ alone, ...candidate }) =>
      start === "alone" ? { ...candidate, score: alone } : candidate,
    ),
  })),
});

/** The same groups with scores of a start, for choices that take the groups of a scheme. */
export function groupsOf(
  groups: SchemeGroups,
  { groups: weighed }: WeighedGroups,
  start: SearchStart,
): SchemeGroups {
  if (start === "scores") return groups;
  const alone = new Map(weighed.map(({ name, candidates }) => [name, candidates]));
  const scored = (each: SchemeGroup): SchemeGroup => ({
    ...each,
    group: {
      ...each.group,
      candidates: each.group.candidates.map((candidate) => ({
        ...candidate,
        score:
          alone.get(each.group.name)?.find(({ format }) => format === candidate.format)?.alone ?? 0,
      })),
    },
  });
  return { ...groups, open: groups.open.map(scored) };
}

/** Summed cost of a plan, in the unit of the groups. */
export function costOf({ unit, groups }: WeighedGroups, formats: readonly string[]): number {
  const cost = groups.reduce((sum, { candidates }, g) => {
    const chosen = candidates.find(({ format }) => format === formats[g]);
    return sum + (chosen?.cost ?? NaN);
  }, 0);
  return unitsPerCost(unit) * cost;
}

/** Whether a plan quantizes anything. */
export const quantizesSome = (formats: readonly string[]): boolean =>
  formats.some((format) => format !== UNQUANTIZED);
