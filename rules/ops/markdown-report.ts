import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
import { markdownReport, readManifest } from "aqm/analysis";
import { failed } from "./failed.ts";

export const version = 1;

/** Manifest → `per-layer-sensitivity.md`. */
export function run({
  inputs,
}: OpCall<object, "manifest">): Result<OpOutputs<"report">, OpFailure> {
  const manifest = readManifest(inputs.manifest.text());
  if (!manifest.ok) return err(failed(manifest.failure, inputs.manifest.path));
  return ok({ report: markdownReport(manifest.value) });
}
