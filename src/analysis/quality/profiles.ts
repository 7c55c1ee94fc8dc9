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

/**
 * Places of groups that have the same candidates, class by class. A profile says nothing of a candidate that its
 * group lacks, so groups hand profiles only to groups of their class.
 */
function classesOf({ groups }: BitProblem): readonly (readonly number[])[] {
  const classes = new Map<string, number[]>();
  for (const [g, { candidates }] of groups.entries()) {
    const key = JSON.stringify(candidates.map(({ format }) => format));
    const own = classes.get(key);
    if (own === undefined) classes.set(key, [g]);
    else own.push(g);
  }
  return [...classes.values()];
}

/** Every group has the profile of another one, by chance: the mix of formats stays, the layers do not. */
export function shuffledProfiles(problem: BitProblem, random: Random): BitProblem {
  const profiles = problem.groups.map(profileOf);
  for (const places of classesOf(problem)) {
    for (let last = places.length - 1; last > 0; last -= 1) {
      const [here = 0, other = 0] = [places[last], places[random.below(last + 1)]];
      [profiles[here], profiles[other]] = [profiles[other] ?? [], profiles[here] ?? []];
    }
  }
  return withProfiles(problem, (_, g) => profiles[g] ?? []);
}

/** The most sensitive group (a weight) has the profile of the least sensitive one, and so on to the other end. */
export function invertedProfiles(problem: BitProblem): BitProblem {
  const profiles = problem.groups.map(profileOf);
  const sensitivityAt = (g: number): number => sensitivityOf(profiles[g] ?? []);
  const mirrored = new Map<number, number>();
  for (const places of classesOf(problem)) {
    const order = places.toSorted((a, b) => sensitivityAt(a) - sensitivityAt(b) || a - b);
    for (const [rank, g] of order.entries()) mirrored.set(g, order.at(-1 - rank) ?? g);
  }
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
