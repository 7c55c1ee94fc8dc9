import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { Member } from "aqm/analysis";
import { comparisonSet } from "aqm/analysis/compare/comparison-set.ts";
import { comparisonSetJson, comparisonSetText } from "aqm/analysis/compare/comparison-set-text.ts";
import { readSubject } from "aqm/analysis/compare/subject.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

export interface ComparisonSetParams {
  readonly question: string;
  /** Label of the member that the others might stand for. */
  readonly standard?: string;
  /** Label by role; those whose input is not there are left out. */
  readonly members: Readonly<Record<string, string>>;
  /** Bits per weight, over the whole model. */
  readonly budgets: readonly number[];
  /** Layers in each list. */
  readonly most: number;
}

/** Manifests → how they differ, each from each. */
export function run({
  params,
  inputs,
}: OpCall<ComparisonSetParams, string>): Result<OpOutputs<"report" | "data">, OpFailure> {
  const members: Member[] = [];
  for (const [role, label] of Object.entries(params.members)) {
    const input = inputs[role];
    if (input?.isThere() !== true) continue;
    const subject = readSubject(input.text(), label);
    if (!subject.ok) return err(failed(subject.error, input.path));
    members.push({ label, subject: subject.value });
  }
  const { budgets, most, question, standard } = params;
  const set = comparisonSet(members, { budgets, most });
  if (!set.ok) return err(failed(set.error, "the manifests that are compared"));
  return ok({
    report: comparisonSetText(set.value, question, standard),
    data: comparisonSetJson(set.value),
  });
}
