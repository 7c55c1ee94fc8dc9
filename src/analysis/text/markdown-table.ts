import { markdownText } from "./markdown.ts";

/** Null without rows. Cells are Markdown. One changed row changes one line, which is what a committed document needs. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string | null {
  return written(titles, rows, false);
}

/** Null without rows. Cells are text, and shown as such. Columns are as wide as what is in them, for a terminal. */
export function evenTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string | null {
  return written(titles, rows, true);
}

function written(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  even: boolean,
): string | null {
  if (rows.length === 0) return null;
  const cells = [titles, ...rows].map((row) =>
    row.map((cell) => inCell(even ? markdownText(cell) : cell)),
  );
  const widths = titles.map((_, at) =>
    even ? Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)) : 0,
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(" | ")} |`;
  const [head = [], ...body] = cells;
  const rule = widths.map((width) => "-".repeat(Math.max(3, width)));
  return [line(head), line(rule), ...body.map(line)].join("\n");
}

/** A line break or a bar would end the cell. */
const inCell = (markdown: string): string =>
  markdown.replaceAll("|", "\\|").replace(/\s*[\r\n]+\s*/g, " ");
