import { ok, type Analysed } from "../result/result.ts";
import { compareSubjects, type Comparison, type ComparisonOptions } from "./compare.ts";
import type { Subject } from "./subject.ts";

/** One of several analyses that are compared, each with each. */
export interface Member {
  /** Short: it stands at the head of a column. */
  readonly label: string;
  readonly subject: Subject;
}

export interface ComparisonSet {
  readonly labels: readonly string[];
  readonly pairs: readonly ComparedPair[];
}

export interface ComparedPair {
  readonly a: string;
  readonly b: string;
  readonly comparison: Comparison;
}

/** Compares each with each that comes after it. */
export function comparisonSet(
  members: readonly Member[],
  options: ComparisonOptions,
): Analysed<ComparisonSet> {
  const pairs: ComparedPair[] = [];
  for (const [index, a] of members.entries()) {
    for (const b of members.slice(index + 1)) {
      const comparison = compareSubjects(a.subject, b.subject, options);
      if (!comparison.ok) return comparison;
      pairs.push({ a: a.label, b: b.label, comparison: comparison.value });
    }
  }
  return ok({ labels: members.map(({ label }) => label), pairs });
}
