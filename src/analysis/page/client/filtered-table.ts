import { find } from "./elements.ts";
import { startSorting } from "./sorting.ts";

/**
 * Makes the table `#plans` sort by a press on a heading, and filter by words of a name and by kind.
 *
 * @param noun what its rows are, for the count
 */
export function startFilteredTable(noun: string): void {
  const body = find<HTMLTableSectionElement>("#plans tbody");
  if (body === null) return;
  const rows = [...body.rows];
  startSorting({
    body,
    headings: [...document.querySelectorAll<HTMLTableCellElement>("#plans thead th")],
    valueOf: (row, { cellIndex, classList }) => {
      const cell = row.cells[cellIndex];
      if (!classList.contains("n")) return cell?.textContent ?? "";
      const value = cell?.dataset["value"];
      return value === undefined ? null : Number(value);
    },
    placeOf: (row) => Number(row.dataset["place"]),
    greatestFirst: () => false,
  });
  const words = find<HTMLInputElement>("#plan-filter");
  const kind = find<HTMLSelectElement>("#plan-kind");
  const count = find<HTMLOutputElement>("#plan-count");
  if (words === null || kind === null || count === null) return;
  const apply = (): void => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = [row.cells[0], row.cells[1], row.cells[row.cells.length - 1]]
        .map((cell) => cell?.textContent ?? "")
        .join(" ")
        .toLowerCase();
      row.hidden =
        !wanted.every((word) => text.includes(word)) ||
        (kind.value !== "" && row.dataset["kind"] !== kind.value);
      shown += Number(!row.hidden);
    }
    count.value = `${shown} of ${rows.length} ${noun}`;
  };
  for (const control of [words, kind]) control.addEventListener("input", apply);
  apply();
}
