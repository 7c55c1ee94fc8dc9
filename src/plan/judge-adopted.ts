import { actionKey, asAdopted, describeAction, unknownRoles } from "../keys/describe.ts";
import { adoptionOf } from "../model/adoption.ts";
import { UNKNOWN, type ActionDescription, type ActionRecord } from "../model/record.ts";
import type { Cause } from "../model/verdict.ts";
import { checkOutputs, explain } from "./compare.ts";
import type { Case, Judgement } from "./judgement.ts";

/**
 * Judges by a result that was taken over. What it does not know cannot differ from it, so those inputs
 * are not asked for at all, nor is what makes them; everything else has to be as recorded.
 *
 * @returns null when it does not stand: then the action is judged as any other
 */
export function judgeAdopted(record: ActionRecord, of: Case, isLast: boolean): Judgement | null {
  if (adoptionOf(record) === null) return null;
  const unknown = unknownRoles(record);
  const description = describeKnown(record, of, unknown);
  const pending = of.node.inputs.some(
    ({ role }) => !unknown.has(role) && of.inputs.get(role)?.state !== "known",
  );
  if (pending || actionKey(description) !== record.key) return null;
  const { wrong, absent } = checkOutputs(of.node, record, of.demand, of.knowledge);
  const judged = {
    key: record.key,
    description,
    result: record,
    missingFrom: [],
    unasked: unknown,
  };
  if (isLast && wrong.length === 0) return { ...judged, verdict: "fresh", causes: [], absent };
  if (!wrong.every(({ digest }) => of.knowledge.kept(digest) !== null)) return null;
  const now = of.knowledge.record(of.node);
  const changed =
    isLast || now === null
      ? []
      : explain(now, description, of.node, of.knowledge.opSource(of.node));
  const causes = [...changed, ...wrong.map(({ cause }) => cause)];
  return {
    ...judged,
    verdict: "restore",
    causes: causes.length > 0 || isLast ? causes : [{ kind: "never_built" }],
    absent: new Set(),
  };
}

/** Why a result that was taken over no longer stands, as far as that is known. */
export function changedSinceAdopted(record: ActionRecord, of: Case): readonly Cause[] {
  const unknown = unknownRoles(record);
  const changed = explain(
    record,
    describeKnown(record, of, unknown),
    of.node,
    of.knowledge.opSource(of.node),
  );
  if (changed.length > 0) return changed;
  return checkOutputs(of.node, record, of.demand, of.knowledge).wrong.map(({ cause }) => cause);
}

/** The action as the record could have it; what is not known yet is taken to be as recorded. */
function describeKnown(
  record: ActionRecord,
  { node, inputs, knowledge }: Case,
  unknown: ReadonlySet<string>,
): ActionDescription {
  const digests: Record<string, ActionDescription["inputs"][string]> = {};
  for (const { role } of node.inputs) {
    const state = inputs.get(role);
    const recorded = record.action.inputs[role];
    if (state?.state === "known" && !unknown.has(role)) digests[role] = state.digest;
    else if (recorded !== undefined) digests[role] = recorded;
    else digests[role] = UNKNOWN;
  }
  const { version } = knowledge.opSource(node);
  const source = { version, code: null, sources: {} };
  return asAdopted(describeAction(node, digests, source, null), unknown);
}
