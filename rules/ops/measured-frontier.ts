import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { FrontierSource, QualityDocument, RecipeSource } from "aqm/analysis";
import { measureFrontier } from "aqm/analysis/quality/measure-frontier.ts";
import { measuredFrontierJson } from "aqm/analysis/quality/measured-frontier-json.ts";
import { readOverview } from "aqm/analysis/quality/overview.ts";
import { readQuality } from "aqm/analysis/quality/quality-document.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { given } from "../translate/given.ts";

export const version = 1;

export interface MeasuredFrontierParams extends Pick<
  FrontierSource,
  "name" | "model" | "size" | "weights" | "calibration" | "part" | "definition"
> {
  /** Names of plan documents; the input of each is `measured_<name>`. */
  readonly plans: readonly string[];
  /** Uniform recipes; the input of each is `recipe_<name>`. */
  readonly recipes: readonly { readonly name: string; readonly bits: number }[];
}

/** Overview and measurements of plans → verdicts, factors and correlations in one document. */
export function run({
  params: { plans, recipes, ...named },
  inputs,
}: OpCall<MeasuredFrontierParams, string>): Result<OpOutputs<"frontier">, OpFailure> {
  const overviewInput = given(inputs, "overview");
  if (!overviewInput.ok) return overviewInput;
  const { path } = overviewInput.value;
  const overview = readOverview(overviewInput.value.text());
  if (!overview.ok) return err(failed(overview.error, path));

  const measured = new Map<string, QualityDocument>();
  for (const name of plans) {
    const document = documentIn(inputs, `measured_${name}`);
    if (!document.ok) return document;
    measured.set(name, document.value);
  }
  const judgedRecipes: RecipeSource[] = [];
  for (const recipe of recipes) {
    const document = documentIn(inputs, `recipe_${recipe.name}`);
    if (!document.ok) return document;
    judgedRecipes.push({ ...recipe, document: document.value });
  }
  const source = { ...named, overview: overview.value, measured, recipes: judgedRecipes };
  const frontier = measureFrontier(source);
  if (!frontier.ok) return err(failed(frontier.error, path));
  return ok({ frontier: measuredFrontierJson(frontier.value) });
}

type Inputs = OpCall<MeasuredFrontierParams, string>["inputs"];

function documentIn(inputs: Inputs, role: string): Result<QualityDocument, OpFailure> {
  const input = given(inputs, role);
  if (!input.ok) return input;
  const document = readQuality(input.value.text());
  return document.ok ? document : err(failed(document.error, input.value.path));
}
