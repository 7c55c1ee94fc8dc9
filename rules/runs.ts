import { formatOf } from "./formats.ts";
import { manifestPath, runFolder, type SensitivityCell } from "./sensitivity.ts";

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
    const format = formatOf(cell.pair, cell.granularity);
    if (!format.ok || format.value.unsupported[cell.model.device] !== null) return [];
    return [
      {
        folder: runFolder(cell),
        manifest: manifestPath(cell),
        pair: cell.pair.name,
        granularity: cell.granularity.name,
        scope: cell.scope,
        size: cell.size,
      },
    ];
  });
}
