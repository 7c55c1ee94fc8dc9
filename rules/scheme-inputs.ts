import { ifThere, type Input } from "aqm";
import type { ExportFormat } from "aqm/analysis";
import type { SchemeConfig } from "./configs.ts";
import { EXPORT_FOLDERS } from "./scheme-exports.ts";
import type { ServingChecks } from "./serving.ts";
import type { ExportParams } from "./translate/scheme-documents.ts";

/** A scheme as far as a report needs it. */
export interface SchemeOfReport {
  /** Why the model cannot have it, where it cannot. */
  readonly skipped?: string;
  /** Absent where it cannot. */
  readonly results?: {
    readonly scheme: SchemeConfig;
    /** Its folder below `quantized`. */
    readonly folder: string;
    /** `scheme.json` and `quality.json`. */
    readonly document: Input;
    readonly quality: Input;
    /** Each with its check document. */
    readonly exported: readonly { readonly format: ExportFormat; readonly check: Input }[];
  };
  /** Checks that are declared for it. */
  readonly statuses: ServingChecks["statuses"];
}

/**
 * Checks of a scheme's exports and what vLLM says of them, if they are there.
 *
 * @param role of the scheme: roles of its documents begin with it
 * @param devices of serving checks, as their files are called
 */
export function exportInputs(
  role: string,
  { results, statuses }: Pick<SchemeOfReport, "results" | "statuses">,
  devices: readonly string[],
): { readonly inputs: Readonly<Record<string, Input>>; readonly params: readonly ExportParams[] } {
  const inputs: Record<string, Input> = {};
  const params = (results?.exported ?? []).map(({ format, check }): ExportParams => {
    const checkRole = `${role}_${format}`;
    inputs[checkRole] = ifThere(check);
    const serving = devices.map((device) => {
      const declared = statuses.find(
        (of) => of.format === EXPORT_FOLDERS[format] && of.device === device,
      );
      const statusRole = `${checkRole}_${device}`;
      if (declared !== undefined) inputs[statusRole] = ifThere(declared.status);
      return { device, role: statusRole, target: declared?.path ?? null };
    });
    return {
      format,
      role: checkRole,
      target: `${results?.folder ?? ""}/${EXPORT_FOLDERS[format]}`,
      serving,
    };
  });
  return { inputs, params };
}
