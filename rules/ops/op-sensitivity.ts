import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { opSensitivityMarkdown, readOpSensitivity } from "aqm/analysis/report/op-sensitivity.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

export interface OpSensitivityParams {
  readonly model: string;
  /** Path of the list from the folder of each output. */
  readonly sources: { readonly report: string; readonly summary: string };
}

/** The ranked ops of a model → Markdown beside the list, and the same in the folder of summaries. */
export function run({
  params: { model, sources },
  inputs: { ops },
}: OpCall<OpSensitivityParams, "ops">): Result<OpOutputs<"report" | "summary">, OpFailure> {
  const read = readOpSensitivity(ops.text());
  if (!read.ok) return err(failed(read.error, ops.path));
  return ok({
    report: opSensitivityMarkdown(read.value, model, sources.report),
    summary: opSensitivityMarkdown(read.value, model, sources.summary),
  });
}
