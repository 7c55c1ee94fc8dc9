import {
  bitsClass,
  cellTitle,
  countsMarkup,
  optionCounts,
  planFigures,
} from "../shared/plan-figures.ts";
import { budgetText } from "../shared/numbers.ts";
import { unpackChoices, type PackedCurve, type PageData } from "../shared/page-data.ts";
import { shortName } from "../shared/layer-name.ts";
import { find, findAll, nameFront, pointIn } from "./elements.ts";

/** The budget follows the slider, the arrow keys and a drag on the curve; the plan follows the budget. */
export function startBudget(data: PageData): void {
  const range = find<HTMLInputElement>("#budget-range");
  const picture = find<SVGSVGElement>("#frontier");
  if (range === null || picture === null) return;
  const select = find<HTMLSelectElement>("#curve");
  const curve = (): PackedCurve | undefined => data.curves[Number(select?.value ?? 0)];
  const show = (): void => {
    const on = curve();
    if (on !== undefined) showPlan(data, on, Number(range.value));
  };
  range.addEventListener("input", show);
  find("#budget-reset")?.addEventListener("click", () => {
    range.value = String(curve()?.chosen ?? 0);
    show();
  });
  select?.addEventListener("change", () => {
    const on = curve();
    if (on === undefined) return;
    const budget = Number(range.dataset["budget"]);
    range.max = String(on.steps.length - 1);
    range.value = String(Number.isFinite(budget) ? nearest(on, budget) : on.chosen);
    for (const path of findAll<SVGPathElement>("#frontier [data-curve]")) {
      const own = path.dataset["curve"] === select.value;
      path.classList.toggle("on", own);
      if (own) picture.insertBefore(path, find("#budget-mark"));
    }
    nameFront("#frontier", on.name);
    show();
  });
  const drag = (event: PointerEvent): void => {
    const on = curve();
    if (on === undefined) return;
    const { left, right, from, to } = data.chart;
    const bits = from + ((pointIn(picture, event).x - left) / (right - left)) * (to - from);
    range.value = String(nearest(on, bits));
    show();
  };
  picture.addEventListener("pointerdown", (event) => {
    picture.setPointerCapture(event.pointerId);
    drag(event);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => {
    if (picture.hasPointerCapture(event.pointerId)) drag(event);
  });
}

function nearest({ steps }: PackedCurve, bits: number): number {
  let best = 0;
  steps.forEach(([, used], step) => {
    if (Math.abs(used - bits) < Math.abs((steps[best]?.[1] ?? 0) - bits)) best = step;
  });
  return best;
}

function showPlan(data: PageData, curve: PackedCurve, step: number): void {
  const [budget = 0, bits = 0, score = 0] = curve.steps[step] ?? [];
  const choices = unpackChoices(curve.steps, step);
  const range = find<HTMLInputElement>("#budget-range");
  range?.setAttribute("aria-valuetext", `${budgetText(budget)} bits`);
  if (range !== null) range.dataset["budget"] = String(bits);
  const figures = planFigures(
    { budget, bits, score },
    { all: data.weights, kept: data.keptWeights },
  );
  for (const [id, text] of Object.entries(figures)) {
    const place = find(`#${id}`);
    if (place !== null) place.textContent = text;
  }
  moveMark(data, curve, step);
  for (const cell of findAll<HTMLTableCellElement>("#plan td[data-layer]")) {
    const layer = Number(cell.dataset["layer"]);
    const { name, bits: own } = curve.options[choices[layer] ?? 0] ?? { name: "", bits: 16 };
    cell.className = bitsClass(own);
    cell.textContent = String(Math.floor(own));
    cell.title = cellTitle(shortName(data.layers[layer]?.[0] ?? ""), name);
  }
  for (const row of findAll<HTMLTableRowElement>("#layers tbody tr")) {
    const place = row.querySelector(".f");
    const option = curve.options[choices[Number(row.dataset["layer"])] ?? 0];
    if (place !== null) place.textContent = option?.name ?? "";
  }
  const counts = find("#plan-counts");
  const isKept = (layer: number): boolean =>
    data.scores.every((scores) => (scores[layer] ?? null) === null);
  if (counts !== null)
    counts.innerHTML = countsMarkup(optionCounts(choices, curve.options, isKept)).toString();
  document.dispatchEvent(new Event("plan"));
}

function moveMark(
  { chart: { left, right, from, to } }: PageData,
  { steps, heights }: PackedCurve,
  step: number,
): void {
  const bits = steps[step]?.[1] ?? from;
  const x = left + ((right - left) * (bits - from)) / (to - from);
  const line = find("#budget-mark .chosen");
  line?.setAttribute("d", (line.getAttribute("d") ?? "").replace(/^M[\d.]+/, `M${x.toFixed(2)}`));
  const handle = find("#budget-mark .handle");
  handle?.setAttribute("cx", x.toFixed(2));
  handle?.setAttribute("cy", String(heights[step] ?? 0));
}
