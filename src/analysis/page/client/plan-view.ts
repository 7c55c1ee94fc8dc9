import type { BudgetData } from "../shared/budget-data.ts";
import { across, up } from "../shared/chart-grid.ts";
import type { BudgetCurve } from "../shared/curve.ts";
import { shortName } from "../shared/layer-name.ts";
import {
  AS_IT_IS,
  bitsClass,
  cellText,
  cellTitle,
  countsMarkup,
  optionCounts,
  planFigures,
  servingText,
  usedPairs,
} from "../shared/plan-figures.ts";
import type { PageData } from "../shared/page-data.ts";
import { find, findAll, say } from "./elements.ts";

/** Shows the plan at a step of a curve: its figures, its mark, and the format of every layer. */
export function planView(
  { chart, layers }: PageData,
  budget: BudgetData,
  isKept: (layer: number) => boolean,
): (curve: BudgetCurve, step: number) => void {
  const { weights } = budget;
  const sum = (some: readonly number[]): number => some.reduce((total, own) => total + own, 0);
  const totals = { all: sum(weights), kept: sum(weights.filter((_, layer) => isKept(layer))) };
  return ({ steps, options }, at) => {
    const step = steps[at];
    if (step === undefined) return;
    const { bits, score, choices } = step;
    const figures = planFigures(step, options, weights, totals);
    find("#budget-range")?.setAttribute("aria-valuetext", figures["plan-asked"] ?? "");
    for (const [id, text] of Object.entries(figures)) say(`#${id}`, text);
    say("#plan-serving", servingText(usedPairs(choices, options, budget)));
    moveMark(across(chart, bits), up(chart, score));
    for (const cell of findAll<HTMLTableCellElement>("#plan td[data-layer]")) {
      const layer = Number(cell.dataset["layer"]);
      const option = options[choices[layer] ?? 0] ?? AS_IT_IS;
      cell.className = bitsClass(option);
      cell.textContent = cellText(option);
      cell.title = cellTitle(shortName(layers[layer]?.[0] ?? ""), option.name);
    }
    for (const row of findAll<HTMLTableRowElement>("#layers tbody tr")) {
      const place = row.querySelector(".f");
      const option = options[choices[Number(row.dataset["layer"])] ?? 0];
      if (place !== null) place.textContent = option?.name ?? "";
    }
    const counts = find("#plan-counts");
    if (counts !== null)
      counts.innerHTML = countsMarkup(optionCounts(choices, options, isKept)).toString();
    document.dispatchEvent(new Event("plan"));
  };
}

function moveMark(x: number, y: number): void {
  const line = find("#budget-mark .chosen");
  line?.setAttribute("d", (line.getAttribute("d") ?? "").replace(/^M[\d.]+/, `M${x.toFixed(2)}`));
  const handle = find("#budget-mark .handle");
  handle?.setAttribute("cx", x.toFixed(2));
  handle?.setAttribute("cy", y.toFixed(2));
}
