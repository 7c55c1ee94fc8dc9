import type { Input } from "aqm";
import type { SensitivityCell } from "./sensitivity-cell.ts";
import type { Sensitivity } from "./sensitivity.ts";

/** A declared run, as tables and comparisons name it. */
export interface Run {
  readonly folder: string;
  readonly manifest: string;
  /** What is recorded of its scores. */
  readonly record: Input;
  readonly engine: string;
  readonly pair: string;
  readonly granularity: string;
  readonly scope: SensitivityCell["scope"];
  readonly size: SensitivityCell["size"];
}

/** The runs that are not skipped. */
export function runsOf(
  analyses: readonly { readonly cell: SensitivityCell; readonly analysis: Sensitivity }[],
): readonly Run[] {
  return analyses.flatMap(({ cell, analysis: { results } }) =>
    results === undefined
      ? []
      : [
          {
            folder: results.folder,
            manifest: results.manifestPath,
            record: results.record,
            engine: cell.engine.name,
            pair: cell.pair.name,
            granularity: cell.granularity.name,
            scope: cell.scope,
            size: cell.size,
          },
        ],
  );
}
