import type { PageData } from "../shared/page-data.ts";
import { find } from "./elements.ts";

type Value = string | number | null;

/** Sorts by clicking or pressing a heading, and filters by words, kind and whether a layer was measured. */
export function startTable(data: PageData): void {
  const body = find<HTMLTableSectionElement>("#layers tbody");
  if (body === null) return;
  const rows = [...body.rows];
  const layerOf = (row: HTMLTableRowElement): number => Number(row.dataset["layer"]);
  startSorting(data, rows, layerOf, body);
  startFilter(data, rows, layerOf);
}

function startSorting(
  data: PageData,
  rows: HTMLTableRowElement[],
  layerOf: (row: HTMLTableRowElement) => number,
  body: HTMLTableSectionElement,
): void {
  const headings = [...document.querySelectorAll<HTMLTableCellElement>("#layers thead th")];
  const sortBy = (heading: HTMLTableCellElement): void => {
    const key = heading.dataset["key"] ?? "";
    const before = heading.getAttribute("aria-sort");
    const numeric = heading.classList.contains("n");
    // Numbers begin with the greatest, names with the first.
    const descending = before === null ? numeric && key !== "block" : before === "ascending";
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const values = new Map(rows.map((row) => [row, valueOf(data, layerOf(row), key, row)]));
    rows.sort(
      (a, b) =>
        compare(values.get(a) ?? null, values.get(b) ?? null, descending) ||
        layerOf(a) - layerOf(b),
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

function valueOf(
  { layers, kinds, scores }: PageData,
  layer: number,
  key: string,
  row: HTMLTableRowElement,
): Value {
  const [name = "", kind = 0, block = -1, weights = 0] = layers[layer] ?? [];
  if (key.startsWith("score-")) return scores[Number(key.slice("score-".length))]?.[layer] ?? null;
  if (key === "kind") return kinds[kind] ?? "";
  if (key === "block") return block < 0 ? null : block;
  if (key === "weights") return weights;
  return key === "format" ? (row.querySelector(".f")?.textContent ?? "") : name;
}

const inOrder = new Intl.Collator("en", { numeric: true });

/** What is not there comes last in either direction. */
function compare(a: Value, b: Value, descending: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const order =
    typeof a === "number" && typeof b === "number" ? a - b : inOrder.compare(String(a), String(b));
  return descending ? -order : order;
}

function startFilter(
  { layers, kinds, scores }: PageData,
  rows: readonly HTMLTableRowElement[],
  layerOf: (row: HTMLTableRowElement) => number,
): void {
  const words = find<HTMLInputElement>("#filter");
  const kind = find<HTMLSelectElement>("#filter-kind");
  const kept = find<HTMLInputElement>("#filter-kept");
  const count = find<HTMLOutputElement>("#filter-count");
  if (words === null || kind === null || kept === null || count === null) return;
  const apply = (): void => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const layer = layerOf(row);
      const [name = "", own = 0, block = -1] = layers[layer] ?? [];
      const format = row.querySelector(".f")?.textContent ?? "";
      const text = `${name} ${kinds[own] ?? ""} ${format}`.toLowerCase();
      const measured = scores.some((column) => (column[layer] ?? null) !== null);
      // A number is a block: 3 should not find 13, nor the digits of a score.
      const found = (word: string): boolean =>
        /^\d+$/.test(word) ? block === Number(word) : text.includes(word);
      const fits =
        wanted.every(found) &&
        (kind.value === "" || own === Number(kind.value)) &&
        (kept.checked || measured);
      row.hidden = !fits;
      shown += Number(fits);
    }
    count.value = `${shown} of ${rows.length} layers`;
  };
  for (const control of [words, kind, kept]) control.addEventListener("input", apply);
  document.addEventListener("plan", apply); // formats are searched too
  apply();
}
