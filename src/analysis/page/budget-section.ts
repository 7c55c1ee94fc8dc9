import { html, lines, type Html } from "./shared/html.ts";
import { budgetText, numbered } from "./shared/numbers.ts";
import type { PageModel } from "./page-model.ts";
import type { BudgetCurve, CurveOption } from "./shared/curve.ts";
import { shortName } from "./shared/layer-name.ts";
import {
  bitsClass,
  cellTitle,
  countsMarkup,
  optionCounts,
  planFigures,
  type Weights,
} from "./shared/plan-figures.ts";

const NAMES: Readonly<Record<string, string>> = {
  "plan-budget": "Budget, whole model",
  "plan-bits": "Used, whole model",
  "plan-own-bits": "Used, layers that may be quantized",
  "plan-score": "Total score",
  "plan-size": "Weights, without scales",
};

/** Without a script it shows the plan of the run itself. */
export function budgetSection(
  model: PageModel,
  curves: readonly BudgetCurve[],
  frontier: Html,
  weights: Weights,
): Html | "" {
  const [curve] = curves;
  if (curve === undefined) return "";
  const step = curve.steps[curve.chosen] ?? { budget: 0, bits: 0, score: 0, choices: [] };
  const isKept = (layer: number): boolean =>
    model.columns.every(({ scores }) => (scores[layer] ?? null) === null);
  const figures = Object.entries(planFigures(step, weights)).map(
    ([id, value]) => html`<div><dt>${NAMES[id] ?? ""}</dt><dd id=${id}>${value}</dd></div>`,
  );
  const choice =
    curves.length === 1
      ? ""
      : html`<label>Candidates <select id=curve>${curves.map(({ name }, index) => html`<option value=${index}>${name}${index === 0 ? "" : " or 16 bits"}`)}</select></label>`;
  return html`<section id=budget aria-labelledby=budget-title><h2 id=budget-title>Budget</h2>
<p>The curve is the least total score that each budget allows${
    curve.exact ? ", solved exactly" : "; every plan is the best there is for the bits that it uses"
  }.<span class=script> Drag on it, or use the slider with the arrow keys, to see which layers get which format.</span>${curves.length === 1 ? "" : " Bits are those of weights: where pairs have the same weights, the one with the finer activations wins."}</p>
<figure id=frontier-figure class=scroll>${frontier}</figure>
<div class="controls script"><label class=wide>Budget <input type=range id=budget-range min=0 max=${curve.steps.length - 1} value=${curve.chosen} step=1 aria-valuetext="${budgetText(step.budget)} bits"></label>${choice}<button type=button id=budget-reset>Budget of this run</button></div>
<dl class=figures aria-live=polite>${figures}</dl>
<ul id=plan-counts class=counts>${countsMarkup(optionCounts(step.choices, curve.options, isKept))}</ul>
<div class=scroll tabindex=0 role=region aria-label="Bits of every layer at this budget">${planGrid(model, step.choices, curve.options, isKept)}</div></section>`;
}

function planGrid(
  { bands, layers }: PageModel,
  choices: readonly number[],
  options: readonly CurveOption[],
  isKept: (layer: number) => boolean,
): Html {
  const most = Math.max(...bands.map((band) => band.layers.length));
  const heads = Array.from(
    { length: most },
    (_, b) => html`<th scope=col>${b % numbered(most) === 0 ? b : ""}`,
  );
  const rows = bands.map((band) => {
    const cells = band.layers.map((layer) => {
      const { name, bits } = options[choices[layer] ?? 0] ?? { name: "", bits: 16 };
      const title = shortName(layers[layer]?.name ?? "");
      if (isKept(layer))
        return html`<td class=kept title="${cellTitle(title, "kept at 16 bits")}">–`;
      return html`<td class=${bitsClass(bits)} data-layer=${layer} title="${cellTitle(title, name)}">${Math.floor(bits)}`;
    });
    return html`<tr><th scope=row>${band.tower} ${band.kind}${cells}</tr>`;
  });
  return html`<table id=plan><caption>Bits per weight by kind of layer and block; – is kept at 16 bits</caption><thead><tr><td>${heads}</thead><tbody>${lines(rows)}</tbody></table>`;
}
