import { adjustedBits } from "../formats/adjusted-bits.ts";
import type { PairQuantizers } from "../formats/quantizer.ts";
import type { Analysed } from "../result/result.ts";
import { pyFloat, pyObject, type PyObject } from "../python-json/value.ts";
import type { Scores } from "../scores/scores.ts";
import { problemFromScores } from "../solve/problem-from-scores.ts";
import type { BitPlan } from "../solve/problem.ts";
import { solveBitPlan } from "../solve/solve-bit-plan.ts";
import { datasetObject, type DatasetInfo } from "./dataset-info.ts";
import { formatObject } from "./format-section.ts";
import { handleOf } from "../scores/handle.ts";
import { MODELOPT } from "../scores/engines.ts";
import { layersObject, sensitivitySections } from "./layer-sections.ts";
import type { Manifest } from "./manifest.ts";
import { EXTRAS_SCHEMA, manifestOf } from "./read-manifest.ts";

export interface SchemeInfo {
  readonly name: string;
  /** Bits per weight asked for on the layers that may be quantized. */
  readonly effectiveBits: number;
  /** The score size setting in samples, as configured. */
  readonly scoreSize: number;
}

export interface ManifestInputs {
  readonly scores: Scores;
  readonly scheme: SchemeInfo;
  /** How the manifest names the model; written as given. */
  readonly modelId: string;
  readonly dataset: DatasetInfo;
  /** What the format does with a layer, when that is known. */
  readonly quantizers?: PairQuantizers;
  /** What the scores are gradients of: without it sums of two runs cannot be compared. */
  readonly loss?: string;
}

/**
 * A manifest in the layout of the newest published generation, with the bit plan
 * solved for the requested budget. What that layout has no place for follows
 * under one further key, `aqm`, so that older readers keep working.
 */
export function buildManifest(inputs: ManifestInputs): Analysed<Manifest> {
  const { scores, scheme, modelId, dataset, quantizers, loss } = inputs;
  const problem = problemFromScores([scores]);
  if (!problem.ok) return problem;
  const budgetBits = adjustedBits(scores.groups, scheme.effectiveBits);
  const solved = solveBitPlan(problem.value, budgetBits);
  if (!solved.ok) return solved;
  const { layerSensitivity, ranking } = sensitivitySections(problem.value.groups);
  return manifestOf(
    pyObject([
      ["scheme", schemeObject(scheme, scores, budgetBits)],
      ["model", pyObject([["id", modelId]])],
      ["num_quantized_layers", scores.modules.length],
      ["layers", layersObject(scores.modules)],
      ["autoquant_state", stateObject(solved.value)],
      ["layer_sensitivity", layerSensitivity],
      ["sensitivity_ranking", ranking],
      ["dataset", datasetObject(dataset, scores.measured)],
      ["aqm", extrasObject(scores, { quantizers, loss }, scheme.effectiveBits, solved.value)],
    ]),
  );
}

function schemeObject(
  { name, scoreSize }: SchemeInfo,
  scores: Scores,
  budgetBits: number,
): PyObject {
  return pyObject([
    ["name", name],
    ["auto_quantize_bits", pyFloat(budgetBits)],
    ["auto_quantize_method", scores.method],
    ["auto_quantize_score_size", scoreSize],
    ["coverage_mode", scores.scope === "lm" ? "lm_only" : "full"],
    ["coverage_fraction", pyFloat(1)],
    ["quant_formats", [scores.format.name]],
  ]);
}

function stateObject({ bits, score, satisfied }: BitPlan): PyObject {
  return pyObject([
    // The keys that published manifests list; readers of them look here for nothing else.
    ["keys", ["candidate_stats", "best", "constraints"]],
    ["constraints", pyObject([["effective_bits", pyFloat(bits.achieved)]])],
    ["score", pyFloat(score)],
    ["is_satisfied", satisfied],
  ]);
}

function extrasObject(
  scores: Scores,
  {
    quantizers,
    loss,
  }: { readonly [Key in "quantizers" | "loss"]: ManifestInputs[Key] | undefined },
  requestedBits: number,
  plan: BitPlan,
): PyObject {
  const { measured, environment, takenOver } = scores;
  return pyObject([
    ["schema", EXTRAS_SCHEMA],
    ["scope", scores.scope],
    // Said only if it is not the one whose layout this is: its manifests stay what they are.
    ...(scores.engine === MODELOPT ? [] : [["engine", scores.engine] as const]),
    ["method", scores.method],
    ...(quantizers === undefined ? [] : [["format", formatObject(quantizers)] as const]),
    [
      "raw_scores",
      pyObject([
        ["samples", measured.scoreSamples],
        ["batches", measured.scoreBatches],
        ["tokens", measured.scoreTokens],
        ...(loss === undefined ? [] : [["loss", loss] as const]),
      ]),
    ],
    ["environment", pyObject(environment)],
    ["taken_over", takenOver && pyObject(Object.entries(takenOver))],
    [
      "budget",
      pyObject([
        ["requested", pyFloat(requestedBits)],
        ["adjusted", pyFloat(plan.bits.budget)],
        ["achieved", pyFloat(plan.bits.achieved)],
        ["slack", pyFloat(plan.bits.slack)],
        ["minimum", pyFloat(plan.bits.minimum)],
        ["satisfied", plan.satisfied],
      ]),
    ],
    [
      "bit_plan",
      plan.choices.map(({ name, candidate }) =>
        pyObject([
          ["handle", handleOf(name)],
          ["format", candidate.format],
          ["bits", pyFloat(candidate.bits)],
        ]),
      ),
    ],
  ]);
}
