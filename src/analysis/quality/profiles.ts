import { UNQUANTIZED } from "../formats/label.ts";
import type { BitProblem, ChoiceGroup } from "../solve/problem.ts";
import type { Random } from "./random.ts";

/**
 * Controls are solved as the judged plan is, with other scores. A profile is a group's scores by its
 * candidates, each divided by the group's weights: profiles can be handed to groups of another size.
 */
type Profile = readonly number[];

const profileOf = ({ weights, candidates }: ChoiceGroup): Profile =>
  candidates.map(({ score }) => score / weights);

/** How much a group loses by its worst candidate, a weight. */
const sensitivityOf = (profile: Profile): number => Math.max(...profile);

function withProfiles(
  { groups }: BitProblem,
  profileAt: (group: ChoiceGroup, index: number) => Profile,
): BitProblem {
  return {
    groups: groups.map((group, g) => {
      const profile = profileAt(group, g);
      return {
        ...group,
        candidates: group.candidates.map((candidate, c) => ({
          ...candidate,
          score: (profile[c] ?? 0) * group.weights,
        })),
      };
    }),
  };
}

/** Every group has the profile of another one, by chance: the mix of formats stays, the layers do not. */
export function shuffledProfiles(problem: BitProblem, random: Random): BitProblem {
  const profiles = problem.groups.map(profileOf);
  for (let last = profiles.length - 1; last > 0; last -= 1) {
    const other = random.below(last + 1);
    [profiles[last], profiles[other]] = [profiles[other] ?? [], profiles[last] ?? []];
  }
  return withProfiles(problem, (_, g) => profiles[g] ?? []);
}

/** The most sensitive group (a weight) has the profile of the least sensitive one, and so on to the other end. */
export function invertedProfiles(problem: BitProblem): BitProblem {
  const profiles = problem.groups.map(profileOf);
  const order = profiles
    .map((profile, g) => ({ g, sensitivity: sensitivityOf(profile) }))
    .toSorted((a, b) => a.sensitivity - b.sensitivity || a.g - b.g)
    .map(({ g }) => g);
  const mirrored = new Map(order.map((g, rank) => [g, order.at(-1 - rank) ?? g]));
  return withProfiles(problem, (_, g) => profiles[mirrored.get(g) ?? g] ?? []);
}

/** What a candidate costs on average, a weight; every group has this profile, times its importance. */
export function weightedMeanProfile(
  problem: BitProblem,
  importance: readonly number[],
): BitProblem {
  const formats = problem.groups[0]?.candidates ?? [];
  const weights = problem.groups.reduce((sum, group) => sum + group.weights, 0);
  const mean = formats.map(({ format }) =>
    format === UNQUANTIZED
      ? 0
      : problem.groups.reduce(
          (sum, { candidates }) =>
            sum + (candidates.find((candidate) => candidate.format === format)?.score ?? 0),
          0,
        ) / weights,
  );
  return withProfiles(problem, (_, g) => mean.map((score) => score * (importance[g] ?? 1)));
}
