import {
  action,
  committed,
  configuration,
  from,
  local,
  skip,
  typescriptOp,
  type Declared,
  type DeclaredAction,
  type Input,
  type PythonOps,
} from "aqm";
import { documentNames } from "aqm/analysis/quality/make-plans.ts";
import { ALONE } from "aqm/analysis/quality/plan-document.ts";
import type { ModelConfig, OutputLayoutConfig, QualityConfig, QuantPairConfig } from "./configs.ts";
import { expectedPlanQuality } from "./expected.ts";
import { measuring, sharedOut, weightsOf, type Measured } from "./measuring.ts";
import { numbersOf } from "./modelopt.ts";
import { planQuality } from "./plan-quality.ts";
import { qualityPages } from "./quality-page.ts";
import { measuredRecipes, type MeasuredRecipes } from "./quality-recipes.ts";
import { candidateNotScored, type Sensitivity } from "./sensitivity.ts";

const plansOp = typescriptOp<typeof import("./ops/quality-plans.ts")>(
  "aqm/rules/ops/quality-plans.ts",
);
const frontierOp = typescriptOp<typeof import("./ops/measured-frontier.ts")>(
  "aqm/rules/ops/measured-frontier.ts",
);

export interface QualityCell extends Measured {
  readonly config: QualityConfig;
  readonly layout: OutputLayoutConfig;
  /** The analysis of a pair for this model, scope and size, if it was declared. */
  readonly analysis: (pair: string) => Sensitivity | undefined;
  /** The same by the engine `weight_error`. */
  readonly weightError: (pair: string) => Sensitivity | undefined;
}

/** @param root folder of the model's artifacts */
export function frontierFolder(
  root: string,
  {
    model,
    config,
    scope,
    size,
  }: Pick<QualityCell, "model" | "scope" | "size"> & {
    readonly config: Pick<QualityConfig, "name">;
  },
): string {
  const run = `${model.name}_${config.name}_${scope}_${size}`;
  return `${root}/quality/${config.name}/${run}`;
}

/**
 * Scores of several pairs → plans along the frontier with their controls → each measured on held-out data → what
 * the measurements prove.
 */
export function quality(cell: QualityCell): Declared {
  const { model, config, size, layout } = cell;
  const folder = frontierFolder(`${layout.root}/${model.name}`, cell);
  const candidates: Scored[] = [];
  for (const name of config.candidates) {
    const scored = cell.analysis(name);
    const results = scored?.results;
    if (results === undefined) return skip(folder, candidateNotScored(name, model.name, scored));
    candidates.push({ name, ...results });
  }
  const shared = measuring(cell);
  const uniform = measuredRecipes(shared, model.device, folder);
  const plans = plansOf(cell, candidates, uniform.leftOut, folder);
  const measured = measurements(shared, model.device, candidates, plans, folder);
  const frontier = action({
    op: frontierOp,
    params: {
      name: config.name,
      model: model.name,
      size,
      weights: weightsOf(model),
      calibration: { samples: cell.calibration.subsets[size].samples },
      part: config.held_out,
      definition: {
        proven: config.proven,
        resamples: config.resamples,
        seed: config.seed,
        random_plans: config.random_plans,
      },
      plans: plans.names,
      recipes: uniform.recipes,
    },
    inputs: { overview: from(plans.made, "overview"), ...measured, ...uniform.inputs },
    outputs: { frontier: committed(`${folder}/measured-frontier.json`) },
  });
  return [frontier, ...qualityPages({ folder, frontier: from(frontier, "frontier") })];
}

type Config = PythonOps["plan_quality"]["params"]["candidates"][number]["config"];

type Results = NonNullable<Sensitivity["results"]>;

interface Scored extends Pick<Results, "scores" | "manifest" | "format"> {
  /** The pair. */
  readonly name: string;
}

interface Plans {
  /** The action that makes all documents. */
  readonly made: DeclaredAction;
  readonly names: readonly string[];
}

/** Every plan in a document of its own, so that it has a key and a record of its own. */
function plansOf(
  cell: QualityCell,
  candidates: readonly Scored[],
  recipesLeftOut: MeasuredRecipes["leftOut"],
  folder: string,
): Plans {
  const { config, weightError } = cell;
  const inputs: Record<string, Input> = {};
  for (const { name, scores, manifest } of candidates) {
    inputs[`scores_${name}`] = scores;
    inputs[`manifest_${name}`] = manifest;
  }
  const naive = candidates.flatMap(({ name }) => {
    const results = weightError(name)?.results;
    return results === undefined ? [] : [{ ...results, name }];
  });
  const unscored = candidates.find(({ name }) => !naive.some((scored) => scored.name === name));
  if (unscored === undefined) {
    for (const { name, scores, manifest } of naive) {
      inputs[`weight_error_scores_${name}`] = scores;
      inputs[`weight_error_manifest_${name}`] = manifest;
    }
  }
  const names = documentNames(
    { budgets: config.budgets, randomPlans: config.random_plans },
    candidates.map(({ name }) => name),
    unscored === undefined,
  );
  const outputs = Object.fromEntries(
    names.map((name) => [name, local(`${folder}/plans/${name}.json`)] as const),
  );
  const made = action({
    op: plansOp,
    params: {
      name: config.name,
      candidates: candidates.map(({ name, format }) => ({
        name,
        quantizers: format.quantizers,
        algorithm: configuration<QuantPairConfig>("quant_pair", name).algorithm,
      })),
      weight_error: unscored === undefined,
      left_out: [
        ...(unscored === undefined
          ? []
          : [{ control: "weight_error", because: `it does not score ${unscored.name}` }]),
        ...recipesLeftOut,
      ],
      budgets: config.budgets,
      random_plans: config.random_plans,
      seed: config.seed,
    },
    inputs,
    outputs: { ...outputs, overview: local(`${folder}/overview.json`) },
  });
  return { made, names };
}

/** A measurement for each plan document, by its role in the frontier. */
function measurements(
  { params, inputs, resources }: ReturnType<typeof measuring>,
  device: ModelConfig["device"],
  candidates: readonly Scored[],
  { made, names }: Plans,
  folder: string,
): Readonly<Record<string, Input>> {
  // One object for all plans of a cell: there are some 250.
  const all = {
    ...params,
    // The engine's own form is ModelOpt's, since its scores are the ones that are judged.
    candidates: candidates.map(({ name, format }) => ({ name, config: format.config as Config })),
  };
  const prepares = numbersOf(all.candidates);
  const expected = expectedPlanQuality(device, 1);
  const ofAlone = expectedPlanQuality(device, 100 * candidates.length);
  const measured: Record<string, Input> = {};
  for (const name of names) {
    const judged = action({
      op: planQuality,
      params: all,
      inputs: { ...inputs, plan: from(made, name) },
      outputs: { quality: local(`${folder}/measured/${name}.json`) },
      resources: name === ALONE ? sharedOut(resources) : resources,
      // Loading and calibrating is nearly all that a lone plan costs.
      batch: { apart: ["plan"], shared: 0.99 },
      expected: name === ALONE ? ofAlone : expected,
      prepares,
    });
    measured[`measured_${name}`] = from(judged, "quality");
  }
  return measured;
}
