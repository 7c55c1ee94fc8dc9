import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import { qualityPage } from "aqm/analysis/quality-pages";
import { readMeasuredFrontier } from "aqm/analysis/quality/measured-frontier-json.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";

export const version = 1;

/** A measured frontier → one HTML page, and its pictures for Markdown. */
export function run({
  inputs,
}: OpCall<object, "frontier">): Result<OpOutputs<"page" | "frontier" | "predicted">, OpFailure> {
  const { path, digest, text } = inputs.frontier;
  const read = readMeasuredFrontier(text());
  if (!read.ok) return err(failed(read.error, path));
  const { page, frontier, predicted } = qualityPage(read.value, [
    { what: "measured frontier", path, digest: digest() },
  ]);
  return ok({ page, frontier, predicted });
}
