import type { BitProblem } from "../solve/problem.ts";

/**
 * The same problem with scores as shares: of all groups' highest scores together, which then are 1. Plans
 * stay what they are; their totals can be read, and compared between runs whose sums have other units.
 * A problem of nothing but zeros stays as it is.
 */
export function normaliseScores({ groups }: BitProblem): BitProblem {
  const whole = highestScore({ groups });
  if (!(whole > 0)) return { groups };
  return {
    groups: groups.map((group) => ({
      ...group,
      candidates: group.candidates.map((candidate) => ({
        ...candidate,
        score: candidate.score / whole,
      })),
    })),
  };
}

/** All groups' highest scores together: what a plan's score is a share of. */
export function highestScore({ groups }: BitProblem): number {
  return groups.reduce(
    (sum, { candidates }) => sum + Math.max(...candidates.map(({ score }) => score)),
    0,
  );
}
