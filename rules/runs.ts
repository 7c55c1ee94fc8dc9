import { analysisFiles, whyNotScored, type SensitivityCell } from "./sensitivity.ts";

/** A declared run, as tables and comparisons name it. */
export interface Run {
  readonly folder: string;
  readonly manifest: string;
  readonly pair: string;
  readonly granularity: string;
  readonly scope: SensitivityCell["scope"];
  readonly size: SensitivityCell["size"];
}

/** The runs of these cells that are not skipped. */
export function runsOf(cells: readonly SensitivityCell[]): readonly Run[] {
  return cells.flatMap((cell) => {
    if (whyNotScored(cell) !== null) return [];
    const { folder, manifest } = analysisFiles(cell);
    return [
      {
        folder,
        manifest,
        pair: cell.pair.name,
        granularity: cell.granularity.name,
        scope: cell.scope,
        size: cell.size,
      },
    ];
  });
}
