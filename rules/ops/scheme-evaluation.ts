import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { ExportFormat, Analysed, QualityDocument } from "aqm/analysis";
import { readAnswers } from "aqm/analysis/evaluation/answers-document.ts";
import { evaluate } from "aqm/analysis/evaluation/evaluate.ts";
import { evaluationJson } from "aqm/analysis/evaluation/evaluation-json.ts";
import { evaluationMarkdown } from "aqm/analysis/evaluation/evaluation-markdown.ts";
import { timed } from "aqm/analysis/evaluation/timed.ts";
import { readQuality } from "aqm/analysis/quality/quality-document.ts";
import { readCheckpointTensors } from "aqm/analysis/schemes/checkpoint-tensors.ts";
import { readExportCheck } from "aqm/analysis/schemes/export-check.ts";
import { readScheme } from "aqm/analysis/schemes/scheme-document.ts";
import { readSchemeQuality } from "aqm/analysis/schemes/scheme-quality-json.ts";
import { readServingStatus } from "aqm/analysis/schemes/serving-status.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { given } from "../translate/given.ts";

export const version = 1;

export interface SchemeEvaluationParams {
  /** Of the model. */
  readonly device: "cpu" | "cuda";
  /** The input of each is `check_<format>`, and `status_<format>` where it has one; both may be absent. */
  readonly exports: readonly {
    readonly format: ExportFormat;
    /** What makes the status of the device cuda; null where nothing does, and there is no input. */
    readonly status: string | null;
  }[];
}

type Inputs = OpCall<SchemeEvaluationParams, string>["inputs"];

/** What was measured of a scheme, answered and exported → the evaluation in JSON and Markdown. */
export function run({
  params: { device, exports },
  inputs,
}: OpCall<SchemeEvaluationParams, string>): Result<OpOutputs<"evaluation" | "report">, OpFailure> {
  const scheme = documentIn(inputs, "scheme", readScheme);
  if (!scheme.ok) return scheme;
  const quality = documentIn(inputs, "quality", readSchemeQuality);
  if (!quality.ok) return quality;
  const measured = documentIn(inputs, "measured", readQuality);
  if (!measured.ok) return measured;
  const leaked: Result<QualityDocument | null, OpFailure> =
    inputs["leaked"] === undefined ? ok(null) : documentIn(inputs, "leaked", readQuality);
  if (!leaked.ok) return leaked;
  const answers = documentIn(inputs, "answers", readAnswers);
  if (!answers.ok) return answers;
  const tensors = documentIn(inputs, "tensors", readCheckpointTensors);
  if (!tensors.ok) return tensors;
  const sizes = [];
  const speed = [];
  for (const { format, status: target } of exports) {
    const check = optionalIn(inputs, `check_${format}`, readExportCheck);
    if (!check.ok) return check;
    const status = optionalIn(inputs, `status_${format}`, readServingStatus);
    if (!status.ok) return status;
    const predicted = scheme.value.exports.find((of) => of.format === format)?.bytes ?? null;
    const found_bytes = check.value?.weightBytes ?? null;
    sizes.push({ format, predicted_bytes: predicted, found_bytes });
    speed.push(timed({ format, device, target, status: status.value }));
  }
  const evaluation = evaluate({
    scheme: scheme.value,
    quality: quality.value,
    measured: measured.value,
    leaked: leaked.value,
    answers: answers.value,
    sizes: { unquantized_bytes: tensors.value.bytes, exports: sizes },
    speed,
  });
  if (!evaluation.ok) return err(failed(evaluation.error, scheme.value.name));
  return ok({
    evaluation: evaluationJson(evaluation.value),
    report: evaluationMarkdown(evaluation.value),
  });
}

function documentIn<T>(
  inputs: Inputs,
  role: string,
  read: (text: string) => Analysed<T>,
): Result<T, OpFailure> {
  const input = given(inputs, role);
  if (!input.ok) return input;
  const document = read(input.value.text());
  return document.ok ? document : err(failed(document.error, input.value.path));
}

/** Null where it is not there. */
function optionalIn<T>(
  inputs: Inputs,
  role: string,
  read: (text: string) => Analysed<T>,
): Result<T | null, OpFailure> {
  return inputs[role]?.isThere() === true ? documentIn(inputs, role, read) : ok(null);
}
