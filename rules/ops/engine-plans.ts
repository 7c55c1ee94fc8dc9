import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { enginePlans } from "aqm/analysis/engine-comparison/engine-plans.ts";
import { plansOverviewJson } from "aqm/analysis/engine-comparison/plans-overview.ts";
import { planDocumentJson } from "aqm/analysis/quality/plan-document.ts";
import { readAlone } from "aqm/analysis/search/alone.ts";
import { err, ok } from "aqm/model/result.ts";
import { opinionsIn, type OpinionParams } from "../translate/engine-opinions.ts";
import { failed } from "../translate/failed.ts";
import { given } from "../translate/given.ts";
import { planRole } from "../translate/plan-role.ts";

export const version = 1;

export interface EnginePlansParams extends OpinionParams {
  /** Of the config, for messages. */
  readonly name: string;
  readonly budgets: readonly number[];
  readonly random_plans: number;
  readonly seed: number;
}

/** Scores of engines, and groups measured alone → a document for each plan that is to be measured, and a list of them. */
export function run({
  params,
  inputs,
}: OpCall<EnginePlansParams, string>): Result<OpOutputs<string>, OpFailure> {
  const config = `conf/engine_comparison/${params.name}.yaml`;
  const opinions = opinionsIn(params, inputs, config);
  if (!opinions.ok) return opinions;
  const measured = given(inputs, "alone");
  if (!measured.ok) return measured;
  const alone = readAlone(measured.value.text());
  if (!alone.ok) return err(failed(alone.error, measured.value.path));
  const { budgets, random_plans: randomPlans, seed } = params;
  const plans = enginePlans(opinions.value, alone.value, { budgets, randomPlans, seed });
  if (!plans.ok) return err(failed(plans.error, config));
  const groups = opinions.value[0]?.problem.groups ?? [];
  const outputs: Record<string, string> = { overview: plansOverviewJson(plans.value) };
  for (const { name, formats } of plans.value)
    outputs[planRole(name)] = planDocumentJson({ groups, plans: [{ name, formats }] });
  return ok(outputs);
}
