import type { PageData } from "../shared/page-data.ts";
import { find } from "./elements.ts";
import { startSorting, type SortValue } from "./sorting.ts";

/** Sorts by clicking or pressing a heading, and filters by words, kind and whether a layer was measured. */
export function startTable(data: PageData): void {
  const body = find<HTMLTableSectionElement>("#layers tbody");
  if (body === null) return;
  const rows = [...body.rows];
  const layerOf = (row: HTMLTableRowElement): number => Number(row.dataset["layer"]);
  startSorting({
    body,
    headings: [...document.querySelectorAll<HTMLTableCellElement>("#layers thead th")],
    valueOf: (row, heading) => valueOf(data, layerOf(row), heading.dataset["key"] ?? "", row),
    placeOf: layerOf,
    greatestFirst: ({ classList, dataset }) =>
      classList.contains("n") && dataset["key"] !== "block",
  });
  startFilter(data, rows, layerOf);
}

function valueOf(
  { layers, kinds, scores }: PageData,
  layer: number,
  key: string,
  row: HTMLTableRowElement,
): SortValue {
  const [name = "", kind = 0, block = -1, weights = 0] = layers[layer] ?? [];
  if (key.startsWith("score-")) return scores[Number(key.slice("score-".length))]?.[layer] ?? null;
  if (key === "kind") return kinds[kind] ?? "";
  if (key === "block") return block < 0 ? null : block;
  if (key === "weights") return weights;
  return key === "format" ? (row.querySelector(".f")?.textContent ?? "") : name;
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
