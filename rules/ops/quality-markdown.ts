import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { QualityFiles } from "aqm/analysis";
import { readMeasuredFrontier } from "aqm/analysis/quality/measured-frontier-json.ts";
import { qualityMarkdown } from "aqm/analysis/quality-report/quality-markdown.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

export interface MarkdownParams {
  /** Names of the page and the pictures that lie beside the document. */
  readonly files: QualityFiles;
}

/** A measured frontier → `quality.md`. */
export function run({
  params: { files },
  inputs,
}: OpCall<MarkdownParams, "frontier">): Result<OpOutputs<"report">, OpFailure> {
  const frontier = readMeasuredFrontier(inputs.frontier.text());
  if (!frontier.ok) return err(failed(frontier.error, inputs.frontier.path));
  return ok({ report: qualityMarkdown(frontier.value, files) });
}
