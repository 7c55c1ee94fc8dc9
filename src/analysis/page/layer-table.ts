import type { BudgetCurve } from "./shared/curve.ts";
import { shortName } from "./shared/layer-name.ts";
import type { LogScale } from "./log-scale.ts";
import { html, lines, type Html } from "./shared/html.ts";
import { scoreText, weightUnit } from "./shared/numbers.ts";
import type { PageModel } from "./page-model.ts";
import { heatStep } from "./palette.ts";

/** Kept layers have no score, which sorts them behind all that have one. */
const highest = ({ columns }: PageModel, layer: number): number =>
  Math.max(...columns.map(({ scores }) => scores[layer] ?? -1));

/** All layers, most sensitive first: complete without a script, which only sorts and filters it. */
export function layerTable(model: PageModel, scale: LogScale | null, curve: BudgetCurve): Html {
  const { layers, columns } = model;
  const order = layers
    .map((_, layer) => layer)
    .toSorted((a, b) => highest(model, b) - highest(model, a));
  const unit = weightUnit(Math.max(...layers.map(({ weights }) => weights)));
  const chosen = curve.steps[curve.chosen]?.choices ?? [];
  const rows = order.map((layer) => {
    const { name, tower, kind, block, weights } = layers[layer] ?? NOWHERE;
    const cells = columns.map(({ scores }) => scoreCell(scores[layer] ?? null, scale));
    const format = curve.options[chosen[layer] ?? 0]?.name ?? "";
    return html`<tr data-layer=${layer}><th scope=row>${breakable(shortName(name))}<td>${tower} ${kind}<td class=n>${block ?? ""}<td class=n>${(weights / unit.size).toFixed(2)}<td class=f>${format}${cells}</tr>`;
  });
  const heads = [
    head("name", "Layer", false),
    head("kind", "Kind", false),
    head("block", "Block", true),
    head("weights", `Weights, ${unit.name}`, true),
    head("format", "Format at the budget", false),
    ...columns.map(({ name }, column) =>
      head(`score-${column}`, name, true, column === 0 && columns.length === 1),
    ),
  ];
  return html`<table id=layers><caption>Sensitivity of ${layers.length} layer groups, ${
    columns.length === 1 ? "most sensitive first" : "by the greatest score of a row"
  }</caption><thead><tr>${heads}</tr></thead><tbody>\n${lines(rows)}\n</tbody></table>`;
}

const NOWHERE = { name: "", tower: "", kind: "", block: null, weights: 0 };

function head(key: string, title: string, numeric: boolean, sorted = false): Html {
  const [first = "", ...more] = title.split("_");
  const shown = numeric && more.length > 0 ? html`${first}<br>${more.join("_")}` : title;
  const label = more.length > 0 && numeric ? html` aria-label="${title}"` : "";
  return html`<th scope=col data-key=${key}${numeric ? " class=n" : ""}${sorted ? " aria-sort=descending" : ""}${label}>${shown}`;
}

function scoreCell(score: number | null, scale: LogScale | null): Html {
  if (score === null)
    return html`<td class="n kept"><abbr title="kept at 16 bits, not measured">kept</abbr>`;
  const step = score > 0 && scale !== null ? ` h${heatStep(scale.position(score))}` : "";
  return html`<td class="n s${step}">${scoreText(score)}`;
}

/** A browser may break the line behind each dot. */
const breakable = (name: string): readonly Html[] =>
  name.split(".").map((part, index) => (index === 0 ? html`${part}` : html`.<wbr>${part}`));
