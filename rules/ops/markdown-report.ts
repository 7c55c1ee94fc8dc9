import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { Generation } from "aqm/analysis";
import { reportStyle } from "aqm/analysis/report/generation.ts";
import { readManifest } from "aqm/analysis/manifest/read-manifest.ts";
import { markdownReport } from "aqm/analysis/report/markdown-report.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

export interface ReportParams {
  /** Write it as this earlier generation did; left out, as it is written today. */
  readonly generation?: Generation;
}

/** Manifest → `per-layer-sensitivity.md`. */
export function run({
  params,
  inputs,
}: OpCall<ReportParams, "manifest">): Result<OpOutputs<"report">, OpFailure> {
  const manifest = readManifest(inputs.manifest.text());
  if (!manifest.ok) return err(failed(manifest.error, inputs.manifest.path));
  const style = params.generation === undefined ? {} : reportStyle(params.generation);
  return ok({ report: markdownReport(manifest.value, style) });
}
