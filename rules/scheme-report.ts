import { action, committed, ifThere, skip, typescriptOp, type Declared, type Input } from "aqm";
import type { ExportFormat } from "aqm/analysis";
import type {
  ModelConfig,
  OutputLayoutConfig,
  SchemeConfig,
  SchemeReportConfig,
} from "./configs.ts";
import type { SchemesReportParams } from "./ops/schemes-report.ts";
import { EXPORT_FOLDERS } from "./scheme-exports.ts";
import type { ServingChecks } from "./serving.ts";

const op = typescriptOp<typeof import("./ops/schemes-report.ts")>(
  "aqm/rules/ops/schemes-report.ts",
);

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

export interface SchemeReportCell {
  readonly model: ModelConfig;
  readonly layout: OutputLayoutConfig;
  readonly config: SchemeReportConfig;
  /** Null where the model has no such scheme. */
  readonly scheme: (name: string) => SchemeOfReport | null;
}

/**
 * The report of a set of schemes. It measures them; exports and serving checks are shown as far as they are there,
 * so that a report fills no disk and never makes vLLM's environment.
 */
export function schemeReport({ model, layout, config, scheme }: SchemeReportCell): Declared {
  const folder = `${layout.root}/${model.name}/reports`;
  const name = `report-${config.name}-schemes`;
  const inputs: Record<string, Input> = {};
  const schemes: SchemesReportParams["schemes"][number][] = [];
  const skipped: SchemesReportParams["skipped"][number][] = [];
  for (const wanted of config.schemes) {
    const found = scheme(wanted);
    if (found?.results === undefined) {
      const because = found?.skipped ?? `the Aqmfile gives ${model.name} no such scheme`;
      skipped.push({ name: wanted, because });
      continue;
    }
    const { results, statuses } = found;
    const role = `s${schemes.length}`;
    inputs[`${role}_scheme`] = results.document;
    inputs[`${role}_quality`] = results.quality;
    const exports = results.exported.map(({ format, check }) => {
      const checkRole = `${role}_${format}`;
      inputs[checkRole] = ifThere(check);
      const serving = config.devices.map((device) => {
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
        target: `${results.folder}/${EXPORT_FOLDERS[format]}`,
        serving,
      };
    });
    schemes.push({ role, lm_head: results.scheme.lm_head, exports });
  }
  // A report of schemes that the Aqmfile gives to other models alone is not one that this model lacks.
  if (config.schemes.every((wanted) => scheme(wanted) === null)) return [];
  if (schemes.length === 0) {
    const reasons = skipped.map(({ name: wanted, because }) => `${wanted}: ${because}`);
    return skip(
      `${folder}/${name}.md`,
      `${model.name} can have none of its schemes (${reasons[0] ?? ""})`,
    );
  }
  return action({
    op,
    params: {
      set: config.name,
      title: config.title,
      model: model.name,
      schemes,
      skipped,
      picture: `${name}.svg`,
    },
    inputs,
    outputs: {
      report: committed(`${folder}/${name}.md`),
      json: committed(`${folder}/${name}.json`),
      picture: committed(`${folder}/${name}.svg`),
    },
  });
}
