import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { BitCount, PlanRequest, PlanSearch, ScoreUnit } from "aqm/analysis";
import { frontierJson, planJson } from "aqm/analysis/plan-export/documents.ts";
import { quantConfig } from "aqm/analysis/plan-export/quant-config.ts";
import { recipeYaml } from "aqm/analysis/plan-export/recipe.ts";
import { thinFrontier } from "aqm/analysis/solve/frontier.ts";
import { problemFromCandidates } from "aqm/analysis/bit-plan/plan-candidates.ts";
import { planRequest } from "aqm/analysis/bit-plan/plan-request.ts";
import { problemAsSet } from "aqm/analysis/bit-plan/plan-settings.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { candidatesIn, type CandidateParams } from "../translate/plan-candidates.ts";

export const version = 1;

/** Points of a published frontier: enough for any picture, and some 500 kB at the most. */
const MOST_POINTS = 4000;

export interface BitPlanParams {
  readonly name: string;
  readonly model_id: string;
  readonly scope: string;
  readonly bits_counted: BitCount;
  /** Only where it is not `exact`. */
  readonly search?: PlanSearch;
  /** Only where it is not `raw`. */
  readonly scores?: ScoreUnit;
  readonly request: PlanRequest;
  /** In the order in which ties are decided; the inputs of each are `scores_<name>` and `manifest_<name>`. */
  readonly candidates: readonly CandidateParams[];
}

type Outputs = "plan" | "frontier" | "quant_config" | "recipe";

/** Scores of several formats → the best plan for a budget, the whole frontier, and what ModelOpt takes. */
export function run({
  params,
  inputs,
}: OpCall<BitPlanParams, string>): Result<OpOutputs<Outputs>, OpFailure> {
  const config = `conf/bit_plan/${params.name}.yaml`;
  const candidates = candidatesIn(params.candidates, inputs, config);
  if (!candidates.ok) return candidates;
  const read = candidates.value;
  const { name, model_id: modelId, scope, bits_counted: count, request } = params;
  const settings = { search: params.search ?? "exact", scores: params.scores ?? "raw", count };
  const all = problemFromCandidates(read, count);
  if (!all.ok) return err(failed(all.error, config));
  const problem = problemAsSet(all.value, read, settings, request);
  if (!problem.ok) return err(failed(problem.error, config));
  const { measured, searched } = problem.value;
  const planned = planRequest(searched, request);
  if (!planned.ok) return err(failed(planned.error, config));
  const formats = new Map(read.map((candidate) => [candidate.name, candidate]));
  const exported = quantConfig(searched, planned.value.plan, formats);
  if (!exported.ok) return err(failed(exported.error, config));
  const names = read.map((candidate) => candidate.name);
  const context = { name, modelId, scope, settings, request, candidates: names };
  return ok({
    plan: planJson(context, measured, planned.value),
    frontier: frontierJson(thinFrontier(planned.value.frontier, MOST_POINTS)),
    quant_config: `${JSON.stringify(exported.value, null, 2)}\n`,
    recipe: recipeYaml(`Bit plan ${name} (${names.join(", ")}) for ${modelId}.`, exported.value),
  });
}
