import { find } from "./elements.ts";
import { startFilteredTable } from "./filtered-table.ts";
import { startTheme } from "./theme.ts";

/** The script of the page of a model's schemes. Without it the page is complete, but for what moves. */
document.documentElement.classList.add("scripted");
startTheme();
startFilteredTable("rows");
startMatrix();

/** Shows all schemes or two of them, and all layers or those that these decide otherwise. */
function startMatrix(): void {
  const table = find<HTMLTableElement>("#matrix");
  const differing = find<HTMLInputElement>("#matrix-differing");
  const a = find<HTMLSelectElement>("#matrix-a");
  const b = find<HTMLSelectElement>("#matrix-b");
  const count = find<HTMLOutputElement>("#matrix-count");
  if (table === null || differing === null || a === null || b === null || count === null) return;
  const rows = [...(table.tBodies[0]?.rows ?? [])];
  const head = table.tHead?.rows[0];
  const apply = (): void => {
    // The first cell of a row is the layer's.
    const pair =
      a.value === "" || b.value === "" ? null : [Number(a.value) + 1, Number(b.value) + 1];
    for (const row of head === undefined ? rows : [head, ...rows]) {
      [...row.cells].forEach((cell, n) => {
        cell.hidden = pair !== null && n > 0 && !pair.includes(n);
      });
    }
    let others = 0;
    for (const row of rows) {
      const cells = [...row.cells].filter((cell, n) => n > 0 && !cell.hidden);
      const known = new Set(cells.map(({ textContent }) => textContent));
      known.delete("–");
      const differs = known.size > 1;
      row.hidden = differing.checked && !differs;
      others += Number(differs);
    }
    const which = pair === null ? "some schemes" : "these two";
    count.value = `${others} of ${rows.length} layer groups are decided otherwise by ${which}`;
  };
  for (const control of [differing, a, b]) control.addEventListener("input", apply);
  apply();
}
