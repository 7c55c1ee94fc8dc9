import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { ReportedScheme, SchemeReport } from "aqm/analysis";
import { pictureFile, schemesPicture } from "aqm/analysis/quality-pages";
import { schemeReport } from "aqm/analysis/scheme-report/scheme-report.ts";
import { schemeReportJson } from "aqm/analysis/scheme-report/report-json.ts";
import { schemeReportMarkdown } from "aqm/analysis/scheme-report/report-markdown.ts";
import { readScheme } from "aqm/analysis/schemes/scheme-document.ts";
import { readSchemeQuality } from "aqm/analysis/schemes/scheme-quality-json.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { documentIn, exportsIn, type ExportParams } from "../translate/scheme-documents.ts";

export const version = 1;

export interface SchemesReportParams extends Pick<
  SchemeReport,
  "set" | "title" | "model" | "skipped"
> {
  readonly schemes: readonly {
    /** Its inputs are `<role>_scheme` and `<role>_quality`. */
    readonly role: string;
    readonly lm_head: boolean;
    readonly exports: readonly ExportParams[];
  }[];
  /** Name of the picture, which lies beside the Markdown. */
  readonly picture: string;
}

/** Documents of a set of schemes → the report in Markdown and JSON, and its picture. */
export function run({
  params: { schemes: declared, picture, ...named },
  inputs,
}: OpCall<SchemesReportParams, string>): Result<
  OpOutputs<"report" | "json" | "picture">,
  OpFailure
> {
  const schemes: ReportedScheme[] = [];
  for (const { role, lm_head, exports } of declared) {
    const scheme = documentIn(inputs, `${role}_scheme`, readScheme);
    if (!scheme.ok) return scheme;
    const quality = documentIn(inputs, `${role}_quality`, readSchemeQuality);
    if (!quality.ok) return quality;
    const exported = exportsIn(inputs, exports);
    if (!exported.ok) return exported;
    schemes.push({
      scheme: scheme.value,
      quality: quality.value,
      settings: { lm_head },
      exports: exported.value,
    });
  }
  const report = schemeReport({ ...named, schemes });
  if (!report.ok) return err(failed(report.error, `the schemes ${report.error.where}`));
  return ok({
    report: schemeReportMarkdown(report.value, picture),
    json: schemeReportJson(report.value),
    picture: pictureFile(schemesPicture(schemes)),
  });
}
