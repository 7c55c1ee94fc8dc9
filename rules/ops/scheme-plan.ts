import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type {
  BitCount,
  BitProblem,
  ChosenScheme,
  ExportFormat,
  NamedPlan,
  PlanRequest,
  PlanSearch,
  PlanToTake,
  SchemeChoice,
  ScoreUnit,
  SearchStart,
} from "aqm/analysis";
import { problemFromCandidates } from "aqm/analysis/bit-plan/plan-candidates.ts";
import { checkpointGroups } from "aqm/analysis/schemes/checkpoint-groups.ts";
import { readCheckpointTensors } from "aqm/analysis/schemes/checkpoint-tensors.ts";
import { chooseScheme } from "aqm/analysis/schemes/choose-scheme.ts";
import { coverageJson } from "aqm/analysis/schemes/coverage.ts";
import { schemeJson } from "aqm/analysis/schemes/scheme-document.ts";
import { schemePlans } from "aqm/analysis/schemes/scheme-plans.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { foundIn, type FoundScheme } from "../translate/found-scheme.ts";
import { given } from "../translate/given.ts";
import { candidatesIn, type CandidateParams } from "../translate/plan-candidates.ts";
import { planRole } from "../translate/plan-role.ts";

export const version = 1;

export interface SchemePlanParams {
  readonly name: string;
  readonly model: string;
  readonly scope: "lm" | "all_layers";
  readonly size: string;
  /** What measured the scores; null where the choice needs none, and there are none. */
  readonly engine: string | null;
  readonly lm_head: boolean;
  readonly choice: SchemeChoice;
  readonly exports: readonly ExportFormat[];
  /** In the order in which ties are decided; the inputs of each are `scores_<name>` and `manifest_<name>`. */
  readonly candidates: readonly CandidateParams[];
  /** What the bit plan of the choice asks for; null for other choices. */
  readonly bit_plan: {
    readonly bits_counted: BitCount;
    readonly search: PlanSearch;
    readonly scores: ScoreUnit;
    readonly request: PlanRequest;
  } | null;
  /** Where the plan was searched by measurement: the inputs `alone` and `search`. Null where it was not. */
  readonly search: { readonly starts: readonly SearchStart[] } | null;
  /** Plans of the scheme's size; null where nothing was chosen among layers. */
  readonly controls: { readonly random_plans: number; readonly seed: number } | null;
  /** Folder and path of the manifest with the same ranking; null where there is no coverage manifest. */
  readonly baseline: { readonly folder: string; readonly manifest: string } | null;
}

/** Tensors and scores → which layer gets which format, its size, and the documents that are measured and exported. */
export function run({
  params,
  inputs,
}: OpCall<SchemePlanParams, string>): Result<OpOutputs<string>, OpFailure> {
  const config = `conf/scheme/${params.name}.yaml`;
  const listed = given(inputs, "tensors");
  if (!listed.ok) return listed;
  const tensors = readCheckpointTensors(listed.value.text());
  if (!tensors.ok) return err(failed(tensors.error, listed.value.path));

  let problem: BitProblem;
  let plan: PlanToTake | undefined;
  let searched: FoundScheme | undefined;
  const [first] = params.candidates;
  if (params.engine === null && first !== undefined) {
    const groups = checkpointGroups(tensors.value, params.scope, first);
    if (!groups.ok) return err(failed(groups.error, listed.value.path));
    problem = groups.value;
  } else {
    const candidates = candidatesIn(params.candidates, inputs, config);
    if (!candidates.ok) return candidates;
    const stored = problemFromCandidates(candidates.value, "stored");
    if (!stored.ok) return err(failed(stored.error, config));
    problem = stored.value;
    if (params.bit_plan !== null) {
      const { bits_counted: count, search, scores, request } = params.bit_plan;
      const counted = problemFromCandidates(candidates.value, count);
      if (!counted.ok) return err(failed(counted.error, config));
      const settings = { search, scores, count };
      plan = { counted: counted.value, request, settings, candidates: params.candidates };
    }
    if (params.search !== null) {
      const found = foundIn(params, params.search.starts, inputs, problem, tensors.value);
      if (!found.ok) return found;
      searched = found.value;
    }
  }

  const { name, model, scope, size, engine, choice, lm_head: lmHead } = params;
  const chosen = chooseScheme(
    {
      ...{ name, model, scope, size, engine, choice, lmHead },
      ...(plan === undefined ? {} : { plan }),
      ...(searched === undefined ? {} : { searched: searched.plan }),
    },
    problem,
    { tensors: tensors.value, candidates: params.candidates, exports: params.exports },
  );
  if (!chosen.ok) return err(failed(chosen.error, config));
  const plans = documents(params, chosen.value, searched?.starts ?? []);
  if (!plans.ok) return err(failed(plans.error, config));
  return ok({
    scheme: schemeJson(chosen.value.scheme),
    ...plans.value,
    ...coverage(params, chosen.value),
  });
}

/** The plans by the roles of their documents; none of a recipe, which the engine applies by itself. */
function documents(
  { choice, controls }: SchemePlanParams,
  chosen: ChosenScheme,
  starts: readonly NamedPlan[],
) {
  if ("recipe" in choice) return { ok: true as const, value: {} };
  const set =
    controls === null ? null : { randomPlans: controls.random_plans, seed: controls.seed };
  const made = schemePlans(
    chosen,
    set,
    starts.map((start) => ({ ...start, kind: "start", budget: chosen.scheme.achieved.bits })),
  );
  if (!made.ok) return made;
  const { plans, sizes } = made.value;
  const roles = [...plans].map(([name, text]) => [planRole(name), text] as const);
  return {
    ok: true as const,
    value: { ...Object.fromEntries(roles), ...(sizes === null ? {} : { controls: sizes }) },
  };
}

function coverage(
  { name, choice, baseline }: SchemePlanParams,
  { scheme, share }: ChosenScheme,
): OpOutputs<string> {
  if (baseline === null || share === undefined || !("top_percent" in choice)) return {};
  return {
    coverage: coverageJson({
      baselineFolder: baseline.folder,
      baselineManifest: baseline.manifest,
      scheme: name,
      percent: choice.top_percent,
      ...share,
      ranking: scheme.ranking,
    }),
  };
}
