import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { problemFromCandidates } from "aqm/analysis/bit-plan/plan-candidates.ts";
import { alonePlans, makePlans } from "aqm/analysis/quality/make-plans.ts";
import { overviewOf, searchable } from "aqm/analysis/quality/overview-of.ts";
import { overviewJson } from "aqm/analysis/quality/overview.ts";
import { ALONE, planDocumentJson } from "aqm/analysis/quality/plan-document.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { candidatesIn, type CandidateParams } from "../translate/plan-candidates.ts";

export const version = 1;

export interface QualityPlansParams {
  /** Of the config, for messages. */
  readonly name: string;
  /** In the order in which ties are decided. */
  readonly candidates: readonly CandidateParams[];
  /** Whether each has `weight_error_scores_<name>` and `weight_error_manifest_<name>`, too. */
  readonly weight_error: boolean;
  /** Controls that there are none of, and why. */
  readonly left_out: readonly { readonly control: string; readonly because: string }[];
  readonly budgets: readonly number[];
  readonly random_plans: number;
  readonly seed: number;
}

/** Scores of several formats → a document for each plan that is to be measured, and an overview of them. */
export function run({
  params,
  inputs,
}: OpCall<QualityPlansParams, string>): Result<OpOutputs<string>, OpFailure> {
  const config = `conf/quality/${params.name}.yaml`;
  const problemOf = (prefix: string) => {
    const candidates = candidatesIn(params.candidates, inputs, config, prefix);
    if (!candidates.ok) return candidates;
    const all = problemFromCandidates(candidates.value, "stored");
    if (!all.ok) return err(failed(all.error, config));
    return ok({ all: all.value, scores: candidates.value[0].scores });
  };
  const judged = problemOf("");
  if (!judged.ok) return judged;
  const weightError = params.weight_error ? problemOf("weight_error_") : null;
  if (weightError?.ok === false) return weightError;

  const problem = searchable(judged.value.all);
  const plans = makePlans(
    problem,
    weightError === null ? null : searchable(weightError.value.all),
    { budgets: params.budgets, randomPlans: params.random_plans, seed: params.seed },
  );
  if (!plans.ok) return err(failed(plans.error, config));
  const overview = overviewOf(judged.value, params.left_out, plans.value);
  const { groups } = problem;
  const outputs: Record<string, string> = {
    overview: overviewJson(overview),
    [ALONE]: planDocumentJson({ groups, plans: alonePlans(problem) }),
  };
  for (const { name, formats } of plans.value)
    outputs[name] = planDocumentJson({ groups, plans: [{ name, formats }] });
  return ok(outputs);
}
