import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { aloneDocument } from "aqm/analysis/search/alone.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import type { CandidateParams } from "../translate/plan-candidates.ts";
import { storedProblem } from "../translate/stored-problem.ts";

export const version = 1;

export interface AlonePlanParams {
  readonly lm_head: boolean;
  /** The inputs of each are `scores_<name>` and `manifest_<name>`. */
  readonly candidates: readonly CandidateParams[];
}

/** Tensors and scores → the document in which every layer group is quantized alone, once by each candidate. */
export function run({
  params: { candidates, lm_head: lmHead },
  inputs,
}: OpCall<AlonePlanParams, string>): Result<OpOutputs<"plan">, OpFailure> {
  const config = "conf/scheme";
  const stored = storedProblem(candidates, inputs, config);
  if (!stored.ok) return stored;
  const { tensors, problem } = stored.value;
  const plan = aloneDocument(problem, { tensors, candidates, lmHead });
  return plan.ok ? ok({ plan: plan.value }) : err(failed(plan.error, config));
}
