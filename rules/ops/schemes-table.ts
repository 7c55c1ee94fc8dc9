import type { OpCall, OpFailure, OpOutputs, Result } from "aqm";
import type { ReadmeFiles } from "aqm/analysis";
import { schemesReadme } from "aqm/analysis/schemes-overview/readme-table.ts";
import { ok } from "aqm/model/result.ts";
import { schemesOverviewIn, type SchemesOverviewParams } from "../translate/schemes-overview.ts";

export const version = 1;

export interface SchemesTableParams extends SchemesOverviewParams {
  /** Where the rest is, relative to the README. */
  readonly files: ReadmeFiles;
  /** The command that makes the schemes and this table again. */
  readonly commands: readonly string[];
}

/** What is there of all schemes of a model → the table of its README. */
export function run({
  params: { files, commands, ...asked },
  inputs,
}: OpCall<SchemesTableParams, string>): Result<OpOutputs<"table">, OpFailure> {
  const overview = schemesOverviewIn(asked, inputs);
  return overview.ok ? ok({ table: schemesReadme(overview.value, files, commands) }) : overview;
}
