import {
  action,
  committed,
  configuration,
  skip,
  typescriptOp,
  type Declared,
  type Input,
} from "aqm";
import type {
  AnalysedModel,
  BitPlanConfig,
  OutputLayoutConfig,
  QuantPairConfig,
  Scope,
  Size,
} from "./configs.ts";
import { candidateNotScored, type Sensitivity } from "./sensitivity.ts";

const op = typescriptOp<typeof import("./ops/bit-plan.ts")>("aqm/rules/ops/bit-plan.ts");

export interface BitPlanCell {
  readonly model: AnalysedModel;
  readonly scope: Scope;
  readonly size: Size;
  readonly layout: OutputLayoutConfig;
  readonly plan: BitPlanConfig;
  /** The analysis of a pair for this model, scope and size, if it was declared. */
  readonly analysis: (pair: string) => Sensitivity | undefined;
}

/** Scores of several pairs → a format for every layer within a budget, the frontier, and ModelOpt's configs. */
export function bitPlan({ model, scope, size, layout, plan, analysis }: BitPlanCell): Declared {
  const run =
    scope === "lm"
      ? `${model.name}_bit_plan_${plan.name}_lm_${size}`
      : `${model.name}_bit_plan_all_layers_${plan.name}_${size}`;
  const folder = `${layout.root}/${model.name}/bit-plans/${plan.name}/${run}`;
  const inputs: Record<string, Input> = {};
  const candidates = [];
  for (const name of plan.candidates) {
    const { algorithm } = configuration<QuantPairConfig>("quant_pair", name);
    const scored = analysis(name);
    const results = scored?.results;
    if (results === undefined) return skip(folder, candidateNotScored(name, model.name, scored));
    inputs[`scores_${name}`] = results.scores;
    inputs[`manifest_${name}`] = results.manifest;
    candidates.push({ name, quantizers: results.format.quantizers, algorithm });
  }
  return action({
    op,
    params: {
      name: plan.name,
      model_id: model.checkpoint,
      scope,
      bits_counted: plan.bits_counted,
      // Said only if unusual: plans made before there was a choice stay what they are.
      ...(plan.search === undefined || plan.search === "exact" ? {} : { search: plan.search }),
      ...(plan.scores === undefined || plan.scores === "raw" ? {} : { scores: plan.scores }),
      request: { budget: plan.budget, rules: plan.rules, families: plan.families },
      candidates,
    },
    inputs,
    outputs: {
      plan: committed(`${folder}/bit-plan.json`),
      frontier: committed(`${folder}/frontier.json`),
      quant_config: committed(`${folder}/quant-cfg.json`),
      recipe: committed(`${folder}/recipe.yaml`),
    },
  });
}
