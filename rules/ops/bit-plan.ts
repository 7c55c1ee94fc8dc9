import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type {
  BitCount,
  PairQuantizers,
  PlanCandidate,
  PlanRequest,
  PlanSearch,
  ScoreUnit,
} from "aqm/analysis";
import { readManifest } from "aqm/analysis/manifest/read-manifest.ts";
import { frontierJson, planJson } from "aqm/analysis/plan-export/documents.ts";
import { quantConfig } from "aqm/analysis/plan-export/quant-config.ts";
import { recipeYaml } from "aqm/analysis/plan-export/recipe.ts";
import { checkExercised } from "aqm/analysis/scores/check-exercised.ts";
import { readScores } from "aqm/analysis/scores/read-scores.ts";
import { thinFrontier } from "aqm/analysis/solve/frontier.ts";
import { problemFromCandidates } from "aqm/analysis/bit-plan/plan-candidates.ts";
import { planRequest } from "aqm/analysis/bit-plan/plan-request.ts";
import { problemAsSet } from "aqm/analysis/bit-plan/plan-settings.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

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
  readonly candidates: readonly {
    readonly name: string;
    readonly quantizers: PairQuantizers;
    readonly algorithm: "max" | null;
  }[];
}

type Outputs = "plan" | "frontier" | "quant_config" | "recipe";

/** Scores of several formats → the best plan for a budget, the whole frontier, and what ModelOpt takes. */
export function run({
  params,
  inputs,
}: OpCall<BitPlanParams, string>): Result<OpOutputs<Outputs>, OpFailure> {
  const read: PlanCandidate[] = [];
  for (const { name, quantizers, algorithm } of params.candidates) {
    const [measured, published] = [inputs[`scores_${name}`], inputs[`manifest_${name}`]];
    if (measured === undefined || published === undefined) continue;
    const scores = readScores(measured.text());
    if (!scores.ok) return err(failed(scores.failure, measured.path));
    const exercised = checkExercised(scores.value);
    if (!exercised.ok) return err(failed(exercised.failure, measured.path));
    const manifest = readManifest(published.text());
    if (!manifest.ok) return err(failed(manifest.failure, published.path));
    read.push({ name, quantizers, algorithm, scores: scores.value, manifest: manifest.value });
  }
  const config = `conf/bit_plan/${params.name}.yaml`;
  const [first, ...others] = read;
  if (first === undefined) {
    const message = `The bit plan ${params.name} has no candidates.`;
    return err({ reason: "bad_request", message, nextStep: `Name some in ${config}.` });
  }
  const { name, model_id: modelId, scope, bits_counted: count, request } = params;
  const settings = { search: params.search ?? "exact", scores: params.scores ?? "raw", count };
  const all = problemFromCandidates([first, ...others], count);
  if (!all.ok) return err(failed(all.failure, config));
  const problem = problemAsSet(all.value, read, settings, request);
  if (!problem.ok) return err(failed(problem.failure, config));
  const { measured, searched } = problem.value;
  const planned = planRequest(searched, request);
  if (!planned.ok) return err(failed(planned.failure, config));
  const formats = new Map(read.map((candidate) => [candidate.name, candidate]));
  const exported = quantConfig(searched, planned.value.plan, formats);
  if (!exported.ok) return err(failed(exported.failure, config));
  const candidates = read.map((candidate) => candidate.name);
  const context = { name, modelId, scope, settings, request, candidates };
  return ok({
    plan: planJson(context, measured, planned.value),
    frontier: frontierJson(thinFrontier(planned.value.frontier, MOST_POINTS)),
    quant_config: `${JSON.stringify(exported.value, null, 2)}\n`,
    recipe: recipeYaml(
      `Bit plan ${name} (${candidates.join(", ")}) for ${modelId}.`,
      exported.value,
    ),
  });
}
