import { choiceWords, keptLayers, type BudgetData, type Counted } from "../shared/budget-data.ts";
import { curvePath } from "../shared/chart-grid.ts";
import type { BudgetCurve } from "../shared/curve.ts";
import { exactnessText } from "../shared/plan-figures.ts";
import { unpackSteps, type PageData } from "../shared/page-data.ts";
import { EFFORT, solveCurve } from "../shared/solve-curve.ts";
import { chosenPairs, startChoice } from "./choice.ts";
import { find, nameFront, pointIn, say } from "./elements.ts";
import { planView } from "./plan-view.ts";
import { schemeView } from "./scheme.ts";

/**
 * The budget follows the slider, the arrow keys and a drag on the curve; the plan follows the budget. Another
 * choice of pairs, or another count of bits, is solved here, by what solved the curve that the page came with.
 */
export function startBudget(data: PageData): void {
  const range = find<HTMLInputElement>("#budget-range");
  const picture = find<SVGSVGElement>("#frontier");
  if (range === null || picture === null) return;
  const budget: BudgetData = { ...data, weights: data.layers.map(([, , , own]) => own) };
  const counted = find<HTMLSelectElement>("#counted");
  const kept = keptLayers(budget);
  const isKept = (layer: number): boolean => kept[layer] === true;
  const showPlan = planView(data, budget, isKept);
  const showScheme = schemeView(data, budget, isKept);
  let curve: BudgetCurve = { ...data.curve, steps: unpackSteps(data.curve.steps) };
  const known = new Map([[keyOf(chosenPairs(data), "charged"), curve]]);
  /** What the plan on show uses: the next curve is entered there. */
  let bits = curve.steps[curve.chosen]?.bits ?? 0;

  let waiting = false;

  const show = (step: number): void => {
    range.value = String(step);
    bits = curve.steps[step]?.bits ?? bits;
    showPlan(curve, step);
    showScheme(curve, step);
  };
  const solve = (): void => {
    waiting = false;
    const [chosen, count] = [chosenPairs(data), (counted?.value ?? "charged") as Counted];
    const key = keyOf(chosen, count);
    const found = known.get(key) ?? solved(budget, chosen, count);
    if (typeof found === "string") {
      say("#choice-words", found);
      return;
    }
    known.set(key, found);
    curve = found;
    range.max = String(curve.steps.length - 1);
    // The curves of each pair alone are drawn with bits as charged.
    picture.classList.toggle("alone", count !== "charged");
    find("#frontier .curve.on")?.setAttribute("d", curvePath(data.chart, curve.steps));
    nameFront("#frontier", curve.name);
    say("#choice-words", choiceWords(budget, chosen));
    say("#curve-exact", exactnessText(curve.exact));
    show(nearest(curve, bits));
  };
  /** Solving may take a second: the browser first shows the box as it is now, and what is going on. */
  const solveSoon = (): void => {
    if (!waiting) requestAnimationFrame(() => setTimeout(solve));
    waiting = true;
    say("#choice-words", "Solving…");
  };
  startChoice(data, solveSoon);
  counted?.addEventListener("change", solveSoon);
  range.addEventListener("input", () => {
    show(Number(range.value));
  });
  find("#budget-reset")?.addEventListener("click", () => {
    show(curve.chosen);
  });
  const drag = (event: PointerEvent): void => {
    const { left, right, from, to } = data.chart;
    const at = from + ((pointIn(picture, event).x - left) / (right - left)) * (to - from);
    show(nearest(curve, at));
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

const keyOf = (chosen: ReadonlySet<number>, counted: Counted): string =>
  `${counted} ${[...chosen].join(" ")}`;

/** The curve, or why there is none. */
function solved(
  budget: BudgetData,
  chosen: ReadonlySet<number>,
  counted: Counted,
): BudgetCurve | string {
  const curve = solveCurve(budget, chosen, counted, EFFORT);
  return curve.ok ? curve.value : curve.error.message;
}

function nearest({ steps }: BudgetCurve, bits: number): number {
  let best = 0;
  steps.forEach(({ bits: used }, step) => {
    if (Math.abs(used - bits) < Math.abs((steps[best]?.bits ?? 0) - bits)) best = step;
  });
  return best;
}
