import { action, committed, skip, typescriptOp, type Declared, type Input } from "aqm";
import type { ModelConfig, OutputLayoutConfig, SchemeReportConfig } from "./configs.ts";
import type { SchemesReportParams } from "./ops/schemes-report.ts";
import { exportInputs, type SchemeOfReport } from "./scheme-inputs.ts";

const op = typescriptOp<typeof import("./ops/schemes-report.ts")>(
  "aqm/rules/ops/schemes-report.ts",
);

export type { SchemeOfReport };

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
    const exports = exportInputs(role, { results, statuses }, config.devices);
    Object.assign(inputs, exports.inputs);
    schemes.push({ role, lm_head: results.scheme.lm_head, exports: exports.params });
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
