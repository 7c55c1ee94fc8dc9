import {
  action,
  committed,
  configuration,
  from,
  local,
  pythonOp,
  skip,
  typescriptOp,
  type Declared,
  type Input,
} from "aqm";
import type { ExportFormat } from "aqm/analysis";
import { capability, KNOWN_MODELOPT } from "aqm/analysis/formats/capability.ts";
import { controlNames, SCHEME_PLAN, startName } from "aqm/analysis/schemes/controls.ts";
import type {
  AutoquantConfig,
  BitPlanConfig,
  GranularityConfig,
  OutputLayoutConfig,
  QuantPairConfig,
  SchemeConfig,
} from "./configs.ts";
import { data } from "./data.ts";
import type { Engine, Scored } from "./engines/engine.ts";
import { QUALITY_RECIPES } from "./quality-recipes.ts";
import { schemeEvaluation } from "./scheme-evaluation.ts";
import {
  EXPORT_FOLDERS,
  possibleExports,
  recipeExports,
  schemeExports,
  type ExportedCandidate,
  type InputRanges,
} from "./scheme-exports.ts";
import { schemeQuality, type SchemeToMeasure } from "./scheme-quality.ts";
import type { SchemeOfReport } from "./scheme-report.ts";
import { schemeSearch, type AloneMeasurements } from "./scheme-search.ts";
import { lacksImages } from "./samples.ts";
import { candidateNotScored, type Sensitivity } from "./sensitivity.ts";
import { servingChecks } from "./serving.ts";
import { planRole } from "./translate/plan-role.ts";

const planOp = typescriptOp<typeof import("./ops/scheme-plan.ts")>("aqm/rules/ops/scheme-plan.ts");
const checkpointTensors = pythonOp("checkpoint_tensors", data);

/** Names, types and shapes of a checkpoint's weights: what sizes of schemes are worked out from. */
export function tensorsOf(checkpoint: Input, root: string): Input {
  const made = action({
    op: checkpointTensors,
    params: {},
    inputs: { checkpoint },
    outputs: { tensors: committed(`${root}/checkpoint-tensors.json`) },
  });
  return from(made, "tensors");
}

export interface SchemeCell extends Scored {
  readonly scheme: SchemeConfig;
  readonly layout: OutputLayoutConfig;
  /** How the model is calibrated: as its scores were. */
  readonly autoquant: AutoquantConfig;
  /** Its formats are exported, with scores of any engine. */
  readonly modelopt: Engine;
  readonly granularity: GranularityConfig;
  /** The analysis of a pair for this model, scope and size, by the scheme's engine, if it was declared. */
  readonly analysis: (pair: string) => Sensitivity | undefined;
  readonly tensors: Input;
  readonly ranges: InputRanges;
  readonly alone: AloneMeasurements;
}

/** What others make of a scheme. */
export interface DeclaredScheme extends SchemeOfReport {
  readonly declared: Declared;
}

/** Scores and shapes → which layer gets which format → measured against controls, exported, and shown to vLLM. */
export function scheme(cell: SchemeCell): DeclaredScheme {
  const { scheme: config, model, layout } = cell;
  const root = `${layout.root}/${model.name}`;
  const folder = `${root}/quantized/${config.folder ?? config.name}`;
  const without = (why: string): DeclaredScheme => ({
    declared: skip(folder, why),
    skipped: why,
    statuses: [],
  });
  const lacking = lacksImages(cell.calibration, config.scope);
  if (lacking !== null) return without(lacking);
  const found = candidatesOf(cell);
  if ("skipped" in found) return without(found.skipped);
  const { possible, skipped } = possibleExports(config.exports, found.candidates);
  // A recipe's folder is not one of the forms that plans are exported in.
  const exports: readonly ExportFormat[] = "recipe" in config.choice ? config.exports : possible;
  if (exports.length === 0)
    return without(`no export format has it: ${[...skipped.values()].join("; ")}`);

  const plan = plannedScheme(cell, found, exports, folder);
  const document = from(plan.made, "scheme");
  const { chosen, declared, exported } = chosenOf(cell, found, plan, folder);
  const measured = schemeQuality({ ...cell, folder, document, chosen });
  const quality = from(measured.judged, "quality");
  const serving = servingChecks({
    model,
    scheme: config.name,
    folder: `${layout.root}/serving/${model.name}`,
    exported: exported.map(({ format, checkpoint }) => ({
      format: EXPORT_FOLDERS[format],
      checkpoint,
    })),
  });
  const evaluation = schemeEvaluation({
    ...{ ...cell, folder, document, chosen, quality, exported },
    measured: measured.measured,
    statuses: serving.statuses,
  });
  return {
    declared: [plan.made, measured.judged, declared, serving.declared, evaluation],
    results: { scheme: config, folder, document, quality, exported },
    statuses: serving.statuses,
  };
}

/** What is measured of a scheme, and its exports. */
function chosenOf(
  cell: SchemeCell,
  { candidates }: Candidates,
  { made, controls }: ReturnType<typeof plannedScheme>,
  folder: string,
): ReturnType<typeof schemeExports> & Pick<SchemeToMeasure, "chosen"> {
  const { choice } = cell.scheme;
  const recipe = QUALITY_RECIPES.find(({ name }) => "recipe" in choice && name === choice.recipe);
  if (recipe !== undefined) {
    const chosen = { recipe: recipe.name };
    return { chosen, ...recipeExports({ ...cell, folder }, recipe.name, cell.autoquant) };
  }
  const plan = from(made, planRole(SCHEME_PLAN));
  const plans = controls.map((name) => [name, from(made, planRole(name))] as const);
  const chosen = {
    candidates: candidates.map(({ name, config }) => ({ name, config })),
    plan,
    controls:
      plans.length === 0
        ? null
        : { sizes: from(made, "controls"), plans: Object.fromEntries(plans) },
  };
  return { chosen, ...schemeExports({ ...cell, folder, candidates, plan }) };
}

interface Candidates {
  readonly candidates: readonly (ExportedCandidate & { readonly algorithm: "max" | null })[];
  /** Of each candidate by its role; empty where the choice needs no scores. */
  readonly scores: Readonly<Record<string, Input>>;
  /** Folder and manifest of the first candidate's analysis. */
  readonly baseline: { readonly folder: string; readonly manifest: string } | null;
  readonly plan: BitPlanConfig | null;
}

/** The formats of a scheme with what was measured of them, or why this model cannot have it. */
function candidatesOf(cell: SchemeCell): Candidates | { readonly skipped: string } {
  const { scheme: config, model, granularity, modelopt } = cell;
  const { choice } = config;
  const none = { scores: {}, baseline: null, plan: null };
  if ("recipe" in choice) {
    const recipe = QUALITY_RECIPES.find(({ name }) => name === choice.recipe);
    if (recipe === undefined) return { skipped: `there is no recipe ${choice.recipe}` };
    const able = capability(recipe.quantizers, {
      device: model.device === "cpu" ? { kind: "cpu" } : { kind: "cuda", capability: null },
      modelopt: KNOWN_MODELOPT,
      purpose: "score",
    });
    if (able.verdict === "unsupported") return { skipped: able.because };
    return { ...none, candidates: [{ ...recipe, config: {}, algorithm: null }] };
  }
  if ("everywhere" in choice) {
    const pair = configuration<QuantPairConfig>("quant_pair", choice.everywhere);
    const format = modelopt.formatOf(pair, granularity);
    if (!format.ok) return { skipped: format.error.message };
    const unsupported = format.value.unsupported[model.device];
    if (unsupported !== null) return { skipped: unsupported };
    const { name, algorithm } = pair;
    return { ...none, candidates: [{ ...format.value, name, algorithm }] };
  }
  const plan =
    "bit_plan" in choice ? configuration<BitPlanConfig>("bit_plan", choice.bit_plan) : null;
  const candidates: Candidates["candidates"][number][] = [];
  const scores: Record<string, Input> = {};
  let baseline: Candidates["baseline"] = null;
  for (const name of plan?.candidates ?? config.candidates ?? []) {
    const scored = cell.analysis(name);
    const results = scored?.results;
    if (results === undefined) return { skipped: candidateNotScored(name, model.name, scored) };
    const pair = configuration<QuantPairConfig>("quant_pair", name);
    // What is exported is ModelOpt's format, whichever engine scored it.
    const format = modelopt.formatOf(pair, granularity);
    if (!format.ok) return { skipped: format.error.message };
    scores[`scores_${name}`] = results.scores;
    scores[`manifest_${name}`] = results.manifest;
    baseline ??= { folder: results.folder, manifest: results.manifestPath };
    candidates.push({ ...format.value, name, algorithm: pair.algorithm });
  }
  return { candidates, scores, baseline, plan };
}

/** The action that chooses, and the names of the controls that it makes. */
function plannedScheme(
  cell: SchemeCell,
  { candidates, scores, baseline, plan }: Candidates,
  exports: readonly ExportFormat[],
  folder: string,
) {
  const { scheme: config, model, scope, size, tensors } = cell;
  const { choice, search } = config;
  const { random_plans, seed } = config.controls;
  const isScored = Object.keys(scores).length > 0;
  const names = candidates.map(({ name }) => name);
  const controls = isScored
    ? [
        ...controlNames({ randomPlans: random_plans, candidates: names }),
        ...(search?.starts ?? []).map(startName),
      ]
    : [];
  const toSearch = { ...cell, candidates, scores };
  const alone = search === undefined ? undefined : cell.alone(toSearch);
  const plans = "recipe" in choice ? [] : [SCHEME_PLAN, ...controls];
  const isShare = "top_percent" in choice;
  const made = action({
    op: planOp,
    params: {
      name: config.name,
      model: model.name,
      scope,
      size,
      engine: isScored ? config.engine : null,
      lm_head: config.lm_head,
      choice,
      exports,
      candidates: candidates.map(({ name, quantizers, algorithm }) => ({
        name,
        quantizers,
        algorithm,
      })),
      bit_plan:
        plan === null
          ? null
          : {
              bits_counted: plan.bits_counted,
              search: plan.search ?? "exact",
              scores: plan.scores ?? "raw",
              request: { budget: plan.budget, rules: plan.rules, families: plan.families },
            },
      search: search === undefined ? null : { starts: search.starts },
      controls: isScored ? { random_plans, seed } : null,
      baseline: isShare ? baseline : null,
    },
    inputs: {
      tensors,
      ...scores,
      ...(search === undefined || alone === undefined
        ? {}
        : { alone, search: schemeSearch(toSearch, search, exports, alone, folder) }),
    },
    outputs: {
      scheme: committed(`${folder}/scheme.json`),
      ...(isShare
        ? { coverage: committed(`${folder}/${config.name}_coverage_from_baseline.json`) }
        : {}),
      ...Object.fromEntries(
        plans.map((name) => [planRole(name), local(`${folder}/plans/${name}.json`)] as const),
      ),
      ...(isScored ? { controls: local(`${folder}/controls.json`) } : {}),
    },
  });
  return { made, controls };
}
