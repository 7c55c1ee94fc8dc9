import type { OpCall, OpFailure, Result } from "aqm";
import type { MeasuredFrontier, SchemesOverview, ShownScheme } from "aqm/analysis";
import { readEvaluation } from "aqm/analysis/evaluation/evaluation-json.ts";
import { readMeasuredFrontier } from "aqm/analysis/quality/measured-frontier-json.ts";
import { readCheckpointTensors } from "aqm/analysis/schemes/checkpoint-tensors.ts";
import { readScheme } from "aqm/analysis/schemes/scheme-document.ts";
import { readSchemeQuality } from "aqm/analysis/schemes/scheme-quality-json.ts";
import { readSearchResult } from "aqm/analysis/search/search-result.ts";
import { ok } from "aqm/model/result.ts";
import { exportsIn, optionalIn, type ExportParams } from "./scheme-documents.ts";

/** All schemes of a model as ops get them: every document may be absent. */
export interface SchemesOverviewParams {
  readonly model: string;
  readonly schemes: readonly {
    /** Its inputs are `<role>_scheme`, `<role>_quality`, `<role>_search`, `<role>_evaluation`. */
    readonly role: string;
    readonly name: string;
    readonly target: string;
    readonly asked: ShownScheme["asked"];
    readonly because: string | null;
    readonly exports: readonly ExportParams[];
  }[];
  /** Roles of measured frontiers. */
  readonly frontiers: readonly string[];
}

/** Reads what is there. */
export function schemesOverviewIn(
  { model, schemes: declared, frontiers: roles }: SchemesOverviewParams,
  inputs: OpCall<object, string>["inputs"],
): Result<SchemesOverview, OpFailure> {
  const tensors = optionalIn(inputs, "tensors", readCheckpointTensors);
  if (!tensors.ok) return tensors;
  const schemes: ShownScheme[] = [];
  for (const { role, exports, ...named } of declared) {
    const scheme = optionalIn(inputs, `${role}_scheme`, readScheme);
    if (!scheme.ok) return scheme;
    const quality = optionalIn(inputs, `${role}_quality`, readSchemeQuality);
    if (!quality.ok) return quality;
    const search = optionalIn(inputs, `${role}_search`, readSearchResult);
    if (!search.ok) return search;
    const evaluation = optionalIn(inputs, `${role}_evaluation`, readEvaluation);
    if (!evaluation.ok) return evaluation;
    const exported = exportsIn(inputs, exports);
    if (!exported.ok) return exported;
    schemes.push({
      ...named,
      scheme: scheme.value,
      quality: quality.value,
      search: search.value,
      evaluation: evaluation.value,
      exports: exported.value,
    });
  }
  const frontiers: MeasuredFrontier[] = [];
  for (const role of roles) {
    const frontier = optionalIn(inputs, role, readMeasuredFrontier);
    if (!frontier.ok) return frontier;
    if (frontier.value !== null) frontiers.push(frontier.value);
  }
  return ok({ model, tensors: tensors.value, schemes, frontiers });
}
