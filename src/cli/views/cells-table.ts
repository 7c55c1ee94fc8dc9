import { parentOf } from "../../model/folders.ts";
import { groupSkipped } from "../../model/skipped.ts";
import { columnsOf, padded } from "../../ui/columns.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Colours } from "../../ui/reporter.ts";
import type { Outcomes } from "./cells.ts";
import type { Cell } from "../session/variation.ts";

/** Folders that are shown of one cell before the rest is only counted. */
const MOST_FOLDERS = 8;

/** One row a cell: its choices, its outcome, and the folders of its results. */
export function cellsText(cells: readonly Cell[], outcomes: Outcomes, colours: Colours): string {
  const keys = [...new Set(cells.flatMap(({ choices }) => choices.map(([key]) => key)))];
  const rows: string[][] = [[...keys.map(oneLine), "outcome", "results"]];
  for (const cell of cells) {
    const values = new Map(cell.choices);
    const folders = [...new Set(cell.results.map((path) => `${parentOf(path) || "."}/`))];
    const shown = folders.slice(0, MOST_FOLDERS);
    shown.push(
      ...groupSkipped(cell.skipped).map(({ because, count }) => `(${count} skipped: ${because})`),
    );
    if (folders.length > MOST_FOLDERS) shown.push(`and ${folders.length - MOST_FOLDERS} more`);
    const head = [...keys.map((key) => values.get(key) ?? ""), outcomes.of(cell)].map(oneLine);
    rows.push([...head, oneLine(shown[0] ?? "(none)")]);
    for (const folder of shown.slice(1)) rows.push([...head.map(() => ""), oneLine(folder)]);
  }
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => columnsOf(row[column] ?? ""))),
  );
  const lines = rows.map((row) =>
    row
      .map((text, column) => (column < row.length - 1 ? padded(text, widths?.[column] ?? 0) : text))
      .join("  ")
      .trimEnd(),
  );
  return [colours.bold(lines[0] ?? ""), ...lines.slice(1)].join("\n");
}
