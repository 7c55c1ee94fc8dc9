import { failed, ok, type Analysed } from "../result/result.ts";
import type { QualityDocument } from "./quality-document.ts";

/** Loss of the unquantized model may differ by this share between devices, no more. */
const SAME_LOSS = 1e-3;

/** KL as a mean and as a sum over samples are the same figure, but for rounding. */
const SAME_KL = 1e-5;

/**
 * What all measurements share; refused where they were not made on the same data and model, or on data that
 * calibration has seen, by which nothing is judged.
 */
export function agreement(
  documents: readonly (readonly [string, QualityDocument])[],
): Analysed<Pick<QualityDocument, "heldOut" | "reference" | "sampleTokens">> {
  const [first] = documents;
  if (first === undefined) {
    return failed(
      "wrong_structure",
      "",
      "There are no measurements. Name budgets in conf/quality.",
    );
  }
  const [firstName, expected] = first;
  for (const [name, document] of documents) {
    if (document.leaked) {
      return failed(
        "leaked_data",
        name,
        `${name} was measured on samples of its own calibration data, so nothing is judged by it. Measure it on a held-out set.`,
      );
    }
    const differing = differenceOf(expected, document);
    if (differing !== undefined) {
      return failed(
        "basis_differs",
        name,
        `${firstName} and ${name} were not measured alike: ${differing} differ. Measure both on the same checkpoint and held-out data.`,
      );
    }
    const tokens = document.sampleTokens.reduce((sum, count) => sum + count, 0);
    if (tokens !== document.heldOut.tokens) {
      return failed(
        "figures_disagree",
        name,
        `The measurement of ${name} says ${document.heldOut.tokens} tokens, and its samples have ${tokens}. Measure it again.`,
      );
    }
    for (const plan of document.plans) {
      if (plan.sampleKl === undefined) continue;
      const kl = plan.sampleKl.reduce((sum, value) => sum + value, 0) / tokens;
      if (Math.abs(kl - plan.kl.value) <= SAME_KL * Math.abs(kl) + 1e-12) continue;
      return failed(
        "figures_disagree",
        plan.name,
        `The KL of ${plan.name} is ${plan.kl.value}, and its samples amount to ${kl}. Measure it again.`,
      );
    }
  }
  return ok(expected);
}

function differenceOf(a: QualityDocument, b: QualityDocument): string | undefined {
  if (a.scope !== b.scope) return "their scopes";
  const same =
    a.sampleTokens.length === b.sampleTokens.length &&
    a.sampleTokens.every((tokens, n) => tokens === b.sampleTokens[n]);
  if (!same) return "the counted tokens of their samples";
  const [lossA, lossB] = [a.reference.loss.value, b.reference.loss.value];
  if (Math.abs(lossA - lossB) > SAME_LOSS * Math.abs(lossA)) {
    return `the unquantized model's losses (${lossA} and ${lossB})`;
  }
  return undefined;
}
