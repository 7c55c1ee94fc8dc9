import fc from "fast-check";
import type { BitProblem, Candidate } from "../../src/analysis/solve/problem.ts";

export interface Shape {
  readonly groups: number;
  readonly candidates: number;
}

/** Problems small enough to be held against all plans. */
export function randomProblems(
  score: fc.Arbitrary<number>,
  cost: fc.Arbitrary<number>,
  most: Shape = { groups: 6, candidates: 4 },
): fc.Arbitrary<BitProblem> {
  const candidate: fc.Arbitrary<Candidate> = fc.record({
    format: fc.constant("F"),
    bits: fc.constant(8),
    cost,
    score,
  });
  const group = fc.record({
    name: fc.constant("g"),
    weights: fc.integer({ min: 1, max: 30 }),
    candidates: fc.array(candidate, { minLength: 1, maxLength: most.candidates }),
  });
  return fc.record({ groups: fc.array(group, { minLength: 1, maxLength: most.groups }) });
}
