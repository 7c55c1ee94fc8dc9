/** What a row is sorted by; null where the row has nothing there. */
export type SortValue = string | number | null;

export interface SortedTable {
  readonly body: HTMLTableSectionElement;
  readonly headings: readonly HTMLTableCellElement[];
  readonly valueOf: (row: HTMLTableRowElement, heading: HTMLTableCellElement) => SortValue;
  /** Where a row stands among equals. */
  readonly placeOf: (row: HTMLTableRowElement) => number;
  /** Whether a first press begins with the greatest; names begin with the first. */
  readonly greatestFirst: (heading: HTMLTableCellElement) => boolean;
}

/** Makes a button of every heading: a press sorts the rows, another one turns them around. */
export function startSorting(table: SortedTable): void {
  const { body, headings, valueOf, placeOf, greatestFirst } = table;
  const rows = [...body.rows];
  const sortBy = (heading: HTMLTableCellElement): void => {
    const before = heading.getAttribute("aria-sort");
    const descending = before === null ? greatestFirst(heading) : before === "ascending";
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const values = new Map(rows.map((row) => [row, valueOf(row, heading)]));
    rows.sort(
      (a, b) =>
        compareValues(values.get(a) ?? null, values.get(b) ?? null, descending) ||
        placeOf(a) - placeOf(b),
    );
    body.append(...rows);
  };
  for (const heading of headings) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    const label = heading.getAttribute("aria-label");
    if (label !== null) button.setAttribute("aria-label", label);
    heading.append(button);
    button.addEventListener("click", () => sortBy(heading));
  }
}

const inOrder = new Intl.Collator("en", { numeric: true });

/** What is not there comes last in either direction. */
function compareValues(a: SortValue, b: SortValue, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order =
    typeof a === "number" && typeof b === "number" ? a - b : inOrder.compare(String(a), String(b));
  return descending ? -order : order;
}
