import {
  action,
  committed,
  configuration,
  from,
  ifThere,
  local,
  pythonOp,
  typescriptOp,
  type DeclaredAction,
  type Input,
} from "aqm";
import type { PromptsConfig } from "./configs.ts";
import { expectedAnswers, expectedPlanQuality } from "./expected.ts";
import { measuring } from "./measuring.ts";
import { modelopt, numbersOf } from "./modelopt.ts";
import type { SchemeEvaluationParams } from "./ops/scheme-evaluation.ts";
import { planQuality } from "./plan-quality.ts";
import { EXPORT_FOLDERS, type Exported } from "./scheme-exports.ts";
import { candidatesToMeasure, type SchemeToMeasure } from "./scheme-quality.ts";
import type { ServingChecks } from "./serving.ts";

const op = typescriptOp<typeof import("./ops/scheme-evaluation.ts")>(
  "aqm/rules/ops/scheme-evaluation.ts",
);
const planAnswers = pythonOp("plan_answers", modelopt);
const recipeAnswers = pythonOp("recipe_answers", modelopt);

export interface SchemeToEvaluate extends SchemeToMeasure {
  /** `checkpoint-tensors.json` of the unquantized model. */
  readonly tensors: Input;
  /** `quality.json`. */
  readonly quality: Input;
  /** The scheme's own measurement, by which it was judged. */
  readonly measured: Input;
  readonly exported: readonly Exported[];
  readonly statuses: ServingChecks["statuses"];
}

/**
 * A scheme beside the unquantized model: figures, answers, sizes, and what a server measured. It exports nothing
 * and asks no server: both are shown as far as they are there.
 */
export function schemeEvaluation(of: SchemeToEvaluate): DeclaredAction {
  const { model, folder, document, quality, measured, tensors } = of;
  const leaked = measuredOnLeaked(of);
  const exports: SchemeEvaluationParams["exports"][number][] = [];
  const found: Record<string, Input> = {};
  for (const { format, check } of of.exported) {
    const onGpu = of.statuses.find(
      (status) => status.format === EXPORT_FOLDERS[format] && status.device === "cuda",
    );
    found[`check_${format}`] = ifThere(check);
    if (onGpu !== undefined) found[`status_${format}`] = ifThere(onGpu.status);
    exports.push({ format, status: onGpu?.path ?? null });
  }
  return action({
    op,
    params: { device: model.device, exports },
    inputs: {
      scheme: document,
      quality,
      measured,
      ...(leaked === null ? {} : { leaked }),
      answers: answersOf(of),
      tensors,
      ...found,
    },
    outputs: {
      evaluation: committed(`${folder}/evaluation.json`),
      report: committed(`${folder}/evaluation.md`),
    },
  });
}

/** The scheme on the original's evaluation set, in a document that says that it is leaked. */
function measuredOnLeaked(of: SchemeToEvaluate): Input | null {
  const { scheme, model, chosen, folder } = of;
  const { evaluation } = of.calibration;
  if (evaluation === null) return null;
  const { params, inputs, resources } = measuring({
    ...of,
    config: scheme.controls,
    on: evaluation,
  });
  const shared = {
    ...params,
    // It is as small as the original had it, and nothing is judged by it.
    measure: { ...params.measure, least_tokens: 1 },
    include_lm_head: scheme.lm_head,
    leaked: true,
  } as const;
  const outputs = { quality: local(`${folder}/measured/leaked.json`) };
  const made =
    "recipe" in chosen
      ? action({
          op: pythonOp("recipe_quality", modelopt),
          params: { ...shared, recipe: chosen.recipe },
          inputs,
          outputs,
          resources,
        })
      : action({
          op: planQuality,
          params: { ...shared, candidates: candidatesToMeasure(chosen) },
          inputs: { ...inputs, plan: chosen.plan },
          outputs,
          resources,
          batch: { apart: ["plan"], shared: 0.99 },
          expected: expectedPlanQuality(model.device, 1),
          prepares: numbersOf(candidatesToMeasure(chosen)),
        });
  return from(made, "quality");
}

/** What the scheme and the unquantized model answer to the prompts. */
function answersOf(of: SchemeToEvaluate): Input {
  const { scheme, model, chosen, folder } = of;
  const { texts, image_text, max_new_tokens, ...prompts } = configuration<PromptsConfig>(
    "prompts",
    "default",
  );
  const { params, inputs, resources } = measuring({ ...of, config: scheme.controls });
  const { measure: _, ...shared } = params;
  const held = of.calibration.heldOut[scheme.controls.held_out];
  const images = held.images === null ? 0 : prompts.images;
  const asked = {
    ...shared,
    include_lm_head: scheme.lm_head,
    prompts: { texts, image_text, images },
    max_new_tokens,
  };
  const given = held.images === null ? inputs : { ...inputs, held_out_images: held.images };
  const outputs = { answers: local(`${folder}/answers.json`) };
  const made =
    "recipe" in chosen
      ? action({
          op: recipeAnswers,
          params: { ...asked, recipe: chosen.recipe },
          inputs: given,
          outputs,
          resources,
        })
      : action({
          op: planAnswers,
          params: { ...asked, candidates: candidatesToMeasure(chosen) },
          inputs: { ...given, plan: chosen.plan },
          outputs,
          resources,
          // Loading, calibrating and the unquantized model's answers are most of what a lone plan costs.
          batch: { apart: ["plan"], shared: 0.9 },
          expected: expectedAnswers(model.device, texts.length + images, max_new_tokens),
          prepares: numbersOf(candidatesToMeasure(chosen)),
        });
  return from(made, "answers");
}
