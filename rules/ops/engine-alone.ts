import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { alonePlans } from "aqm/analysis/quality/make-plans.ts";
import { planDocumentJson } from "aqm/analysis/quality/plan-document.ts";
import { ok } from "aqm/model/result.ts";
import { opinionsIn, type OpinionParams } from "../translate/engine-opinions.ts";

export const version = 1;

/** Scores of engines → the document in which every layer group is quantized alone, once by each candidate. */
export function run({
  params,
  inputs,
}: OpCall<OpinionParams, string>): Result<OpOutputs<"plan">, OpFailure> {
  const opinions = opinionsIn(params, inputs, "conf/engine_comparison");
  if (!opinions.ok) return opinions;
  const problem = opinions.value[0]?.problem ?? { groups: [] };
  return ok({ plan: planDocumentJson({ groups: problem.groups, plans: alonePlans(problem) }) });
}
