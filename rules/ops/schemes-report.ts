import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type {
  ExportCheck,
  ExportFormat,
  Outcome,
  ReportedExport,
  ReportedScheme,
  ReportedStatus,
  SchemeReport,
} from "aqm/analysis";
import { pictureFile, schemesPicture } from "aqm/analysis/quality-pages";
import { notChecked, schemeReport } from "aqm/analysis/scheme-report/scheme-report.ts";
import { schemeReportJson } from "aqm/analysis/scheme-report/report-json.ts";
import { schemeReportMarkdown } from "aqm/analysis/scheme-report/report-markdown.ts";
import { readExportCheck } from "aqm/analysis/schemes/export-check.ts";
import { readScheme } from "aqm/analysis/schemes/scheme-document.ts";
import { readSchemeQuality } from "aqm/analysis/schemes/scheme-quality-json.ts";
import { readServingStatus } from "aqm/analysis/schemes/serving-status.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "../translate/failed.ts";
import { given } from "../translate/given.ts";

export const version = 1;

export interface SchemesReportParams extends Pick<
  SchemeReport,
  "set" | "title" | "model" | "skipped"
> {
  readonly schemes: readonly {
    /** Its inputs are `<role>_scheme` and `<role>_quality`. */
    readonly role: string;
    readonly lm_head: boolean;
    readonly exports: readonly {
      readonly format: ExportFormat;
      /** Role of the check document, which may be absent. */
      readonly role: string;
      /** What makes the folder and the document. */
      readonly target: string;
      readonly serving: readonly {
        readonly device: string;
        /** Role of the status, which may be absent. */
        readonly role: string;
        /** What makes it; null where nothing does, and the role has no input. */
        readonly target: string | null;
      }[];
    }[];
  }[];
  /** Name of the picture, which lies beside the Markdown. */
  readonly picture: string;
}

type Inputs = OpCall<SchemesReportParams, string>["inputs"];
type Exports = SchemesReportParams["schemes"][number]["exports"];

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
  if (!report.ok) return err(failed(report.failure, `the schemes ${report.failure.where}`));
  return ok({
    report: schemeReportMarkdown(report.value, picture),
    json: schemeReportJson(report.value),
    picture: pictureFile(schemesPicture(schemes)),
  });
}

function exportsIn(inputs: Inputs, exports: Exports): Result<readonly ReportedExport[], OpFailure> {
  const read: ReportedExport[] = [];
  for (const { format, role, target, serving } of exports) {
    const check: Result<ExportCheck | null, OpFailure> = optionalIn(inputs, role, readExportCheck);
    if (!check.ok) return check;
    const statuses: ReportedStatus[] = [];
    for (const { device, role: statusRole, target: statusTarget } of serving) {
      const status = optionalIn(inputs, statusRole, readServingStatus);
      if (!status.ok) return status;
      statuses.push(
        status.value === null
          ? notChecked(device, statusTarget, check.value !== null)
          : { device, answer: status.value },
      );
    }
    read.push({ format, target, check: check.value, serving: statuses });
  }
  return ok(read);
}

function documentIn<T>(
  inputs: Inputs,
  role: string,
  read: (text: string) => Outcome<T>,
): Result<T, OpFailure> {
  const input = given(inputs, role);
  if (!input.ok) return input;
  const document = read(input.value.text());
  return document.ok ? document : err(failed(document.failure, input.value.path));
}

/** Null where it is not there. */
function optionalIn<T>(
  inputs: Inputs,
  role: string,
  read: (text: string) => Outcome<T>,
): Result<T | null, OpFailure> {
  return inputs[role]?.isThere() === true ? documentIn(inputs, role, read) : ok(null);
}
