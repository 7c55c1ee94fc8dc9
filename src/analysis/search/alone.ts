import { UNQUANTIZED } from "../formats/label.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import { aloneName, planDocumentJson } from "../quality/plan-document.ts";
import { readQuality } from "../quality/quality-document.ts";
import { schemeGroups, type SchemeCandidate } from "../schemes/scheme-groups.ts";
import type { CheckpointTensors } from "../schemes/checkpoint-tensors.ts";
import type { BitProblem } from "../solve/problem.ts";

/** What the groups of a model are, as far as quantizing them one at a time goes. */
export interface AloneRequest {
  readonly tensors: CheckpointTensors;
  readonly candidates: readonly SchemeCandidate[];
  /** Whether the output layer may be quantized. */
  readonly lmHead: boolean;
}

/**
 * Every group that may be quantized, quantized alone, once by each candidate: a document for `plan_quality`. Whether an
 * export can hold a candidate does not count here, so that schemes with other exports share the measurement.
 */
export function aloneDocument(
  all: BitProblem,
  { tensors, candidates, lmHead }: AloneRequest,
): Analysed<string> {
  const groups = schemeGroups(all, { tensors, candidates, exports: [] }, lmHead);
  if (!groups.ok) return groups;
  const { open, kept } = groups.value;
  // By name, as all plan documents of schemes have them.
  const named = [...open.map(({ group }) => group), ...kept].toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  const plans = open.flatMap(({ group }) =>
    candidates.map(({ name }) => ({
      name: aloneName(group.name, name),
      formats: named.map((other) => (other.name === group.name ? name : UNQUANTIZED)),
    })),
  );
  return ok(planDocumentJson({ groups: named, plans }));
}

/** KL of the model with one group quantized, nats a counted token on the held-out set `search`. */
export type AloneKl = (group: string, candidate: string) => Analysed<number>;

/** Reads what `plan_quality` measured of `aloneDocument`. */
export function readAlone(text: string): Analysed<AloneKl> {
  const document = readQuality(text);
  if (!document.ok) return document;
  const measured = new Map(document.value.plans.map(({ name, kl }) => [name, kl.value]));
  return ok((group, candidate) => {
    if (candidate === UNQUANTIZED) return ok(0);
    const kl = measured.get(aloneName(group, candidate));
    // Rounding may leave a divergence of nothing a little below zero.
    if (kl !== undefined) return ok(Math.max(0, kl));
    const what = `${group} was not measured with ${candidate} alone`;
    return failed(
      "not_measured_alone",
      group,
      `${what}. Build the measurement of groups alone again.`,
    );
  });
}
