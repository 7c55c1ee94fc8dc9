import { failed, ok, type Analysed } from "../result/result.ts";
import type { PlannedPlan } from "./planned.ts";
import type { JudgedPlan, QualityDocument } from "./quality-document.ts";

/** Plans of this much less than a budget count as of equal size. */
const NEAR_BITS = 0.05;

/** Versions and kinds of device of all documents, by name; several are joined by "; ". */
export function environmentOf(
  documents: readonly (readonly [string, QualityDocument])[],
): Readonly<Record<string, string>> {
  const values = new Map<string, Set<string>>();
  for (const [, { environment }] of documents) {
    for (const [name, value] of environment)
      values.set(name, (values.get(name) ?? new Set()).add(value));
  }
  const entries = [...values].map(([name, all]) => [name, [...all].toSorted().join("; ")] as const);
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A plan with all of its figures. */
export type Whole = JudgedPlan & {
  readonly [Key in "figures" | "sampleKl"]-?: NonNullable<JudgedPlan[Key]>;
};

/** The plan of that name, if the document has all its figures. */
export function judgedIn(document: QualityDocument | undefined, name: string): Analysed<Whole> {
  const judged = document?.plans.find((plan) => plan.name === name);
  const { figures, sampleKl } = judged ?? {};
  if (judged === undefined || figures === undefined || sampleKl === undefined) {
    return failed(
      "wrong_structure",
      name,
      `The measurement of ${name} does not hold all figures of a plan of that name. Measure it again.`,
    );
  }
  return ok({ ...judged, figures, sampleKl });
}

/** Made for that budget; of uniform plans those that fill it. */
export const isOfSize = (plan: Pick<PlannedPlan, "bits" | "budget">, budget: number): boolean =>
  plan.budget === null
    ? plan.bits <= budget * (1 + 1e-12) && budget - plan.bits <= NEAR_BITS
    : plan.budget === budget;
