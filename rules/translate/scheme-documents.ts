import type { OpCall, OpFailure, Result } from "aqm";
import type {
  ExportCheck,
  ExportFormat,
  Analysed,
  ReportedExport,
  ReportedStatus,
} from "aqm/analysis";
import { notChecked } from "aqm/analysis/scheme-report/scheme-report.ts";
import { readExportCheck } from "aqm/analysis/schemes/export-check.ts";
import { readServingStatus } from "aqm/analysis/schemes/serving-status.ts";
import { err, ok } from "aqm/model/result.ts";
import { failed } from "./failed.ts";
import { given } from "./given.ts";

/** An export of a scheme as ops get it: its documents may be absent. */
export interface ExportParams {
  readonly format: ExportFormat;
  /** Role of the check document. */
  readonly role: string;
  /** What makes the folder and the document. */
  readonly target: string;
  readonly serving: readonly {
    readonly device: string;
    /** Role of the status. */
    readonly role: string;
    /** What makes it; null where nothing does, and the role has no input. */
    readonly target: string | null;
  }[];
}

type Inputs = OpCall<object, string>["inputs"];

/** Checks and statuses of a scheme's exports, as far as they are there. */
export function exportsIn(
  inputs: Inputs,
  exports: readonly ExportParams[],
): Result<readonly ReportedExport[], OpFailure> {
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

export function documentIn<T>(
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
export function optionalIn<T>(
  inputs: Inputs,
  role: string,
  read: (text: string) => Analysed<T>,
): Result<T | null, OpFailure> {
  return inputs[role]?.isThere() === true ? documentIn(inputs, role, read) : ok(null);
}
