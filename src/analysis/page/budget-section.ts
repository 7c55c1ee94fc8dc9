import { serviceReason, serviceShort, whatServes } from "../formats/what-serves.ts";
import { startPairs } from "./budget-curve.ts";
import { ALL, OWN } from "./frontier-chart.ts";
import { html, lines, type Html } from "./shared/html.ts";
import type { PageAnalysis, PageModel } from "./page-model.ts";
import { planGrid } from "./plan-grid.ts";
import { choiceWords, keptLayers, offeredPairs, type BudgetData } from "./shared/budget-data.ts";
import type { BudgetCurve } from "./shared/curve.ts";
import {
  countsMarkup,
  exactnessText,
  optionCounts,
  planFigures,
  servingText,
  usedPairs,
  type Weights,
} from "./shared/plan-figures.ts";
import {
  schemeWords,
  schemeYaml,
  type SchemeBasis,
  type SchemeYaml,
} from "./shared/scheme-yaml.ts";

/** Without a script it shows the plan of the run itself. */
export function budgetSection(
  analyses: readonly PageAnalysis[],
  model: PageModel,
  data: BudgetData,
  basis: SchemeBasis | null,
  curve: BudgetCurve,
  frontier: Html,
  weights: Weights,
): Html {
  const step = curve.steps[curve.chosen] ?? { budget: 0, bits: 0, score: 0, choices: [] };
  const kept = keptLayers(data);
  const isKept = (layer: number): boolean => kept[layer] === true;
  const figures = planFigures(step, curve.options, data.weights, weights);
  const known = data.columns.every(({ stored }) => stored !== null);
  const chosen = startPairs(data);
  const facts: readonly (readonly [id: string, name: string, value: string])[] = [
    ["plan-score", "Total score", figures["plan-score"] ?? ""],
    [
      "plan-size",
      known ? "Weights, with scales of blocks" : "Weights, without scales",
      figures["plan-size"] ?? "",
    ],
    [
      "plan-serving",
      "What serves this plan",
      servingText(usedPairs(step.choices, curve.options, data)),
    ],
  ];
  return html`<section id=budget aria-labelledby=budget-title><h2 id=budget-title>Budget</h2>
<p>The curve is the least total score that each budget allows<span id=curve-exact>${exactnessText(curve.exact)}</span>.<span class=script> Drag on it, or use the slider with the arrow keys, to see which layers get which format.</span></p>
<figure id=frontier-figure class=scroll>${frontier}</figure>
<div class="controls script"><label class=wide>Budget <input type=range id=budget-range min=0 max=${curve.steps.length - 1} value=${curve.chosen} step=1 aria-valuetext="${figures["plan-asked"] ?? ""}"></label>${known ? COUNTED : ""}<button type=button id=budget-reset>Budget of this run</button></div>
${candidates(analyses, data, chosen)}
${data.pairs.length === 1 ? "" : html`<p id=choice-words aria-live=polite>${choiceWords(data, chosen)}</p>`}
<div aria-live=polite>${figuresTable(figures, kept, weights)}
<dl class=figures>${facts.map(([id, name, value]) => html`<div><dt>${name}</dt><dd id=${id}>${value}</dd></div>`)}</dl></div>
<ul id=plan-counts class=counts>${countsMarkup(optionCounts(step.choices, curve.options, isKept))}</ul>
<div class=scroll tabindex=0 role=region aria-label="Bits of every layer at this budget">${planGrid(model, step.choices, curve.options, isKept)}</div>
${basis === null ? "" : schemeSection(schemeYaml(basis, data, curve, step, isKept))}
${bitsWords(data, kept, known)}</section>`;
}

const COUNTED = html`<label>Bits counted <select id=counted><option value=charged>as ModelOpt's search charges<option value=stored>as stored, with scales of blocks</select></label>`;

/** The plan as a config, to be copied; the text can be selected where the button may not copy. */
function schemeSection(scheme: SchemeYaml): Html {
  const yaml = "yaml" in scheme ? scheme.yaml : null;
  return html`<details id=scheme class=words><summary>This plan as a scheme</summary><p id=scheme-says>${schemeWords(scheme)}</p>
<textarea id=scheme-yaml readonly rows=15 spellcheck=false aria-label="YAML of the scheme"${yaml === null ? html` hidden` : ""}>${yaml ?? ""}</textarea></details>
<div class="controls script"><button type=button id=copy-scheme${yaml === null ? html` disabled` : ""}>Copy the plan as YAML of a scheme</button><output id=copied aria-live=polite></output></div>`;
}

/** A box for each pair that the plan may choose from; one pair at a time where scores do not add up. */
function candidates(
  analyses: readonly PageAnalysis[],
  data: BudgetData,
  chosen: ReadonlySet<number>,
): Html | "" {
  const { pairs, mixed } = data;
  if (pairs.length === 1) return "";
  const offered = offeredPairs(data);
  const boxes = analyses.map(({ name, quantizers, served: known }, pair) => {
    const service = quantizers === undefined || known === false ? null : whatServes(quantizers);
    const mark =
      service === null
        ? ""
        : html` <small title="${serviceReason(service)}">${serviceShort(service)}</small>`;
    return html`<label${offered.has(pair) ? "" : html` class=analysis-only`}><input type=${mixed ? "checkbox" : "radio"} name=pair value=${pair}${chosen.has(pair) ? " checked" : ""}> ${name}${mark}</label>`;
  });
  const analysis = pairs.length - offered.size;
  const served = mixed && pairs.some(({ service }) => service?.by === "vllm") && analysis > 0;
  const buttons = mixed
    ? html`<span class=buttons><button type=button id=choose-all>All</button>${served ? html`<button type=button id=choose-served class=analysis-only>Those that vLLM serves</button>` : ""}</span>`
    : "";
  const more =
    analysis === 0
      ? ""
      : html`<label class=more><input type=checkbox id=show-analysis> Show pairs for analysis only <small>(${analysis} that nothing serves)</small></label>`;
  return html`<fieldset id=candidates class="candidates script"><legend>Candidates</legend>${lines(boxes)}${buttons}${more}</fieldset>`;
}

function figuresTable(
  figures: Readonly<Record<string, string>>,
  kept: readonly boolean[],
  weights: Weights,
): Html {
  const count = kept.filter(Boolean).length;
  const value = (id: string): Html => html`<td id=${id}>${figures[id] ?? ""}`;
  const two = weights.kept > 0;
  const heads = two
    ? html`<th scope=col>of the ${kept.length - count} ${OWN}<th scope=col>of ${ALL}, ${count} of them kept at 16 bits`
    : html`<th scope=col>of ${ALL}, each of which may be quantized`;
  const row = (name: string, own: string, all: string): Html =>
    html`<tr><th scope=row>${name}${value(own)}${two ? value(all) : ""}`;
  return html`<table class=bits><caption>Average bits per weight${two ? ". A request, such as 6.0 bits, is for the first column." : ""}</caption><thead><tr><td>${heads}</thead><tbody>${lines([row("Budget", "plan-asked", "plan-budget"), row("Used by the plan", "plan-own-bits", "plan-bits")])}</tbody></table>`;
}

/** Which figure is the one that was asked for, and what neither of them counts. */
function bitsWords({ pairs }: BudgetData, kept: readonly boolean[], known: boolean): Html {
  const count = kept.filter(Boolean).length;
  const own = html`<li>Ask for 6.0 bits (<code>effective_bits: 6.0</code> of a run, <code>budget: { bits: 6.0 }</code> of a bit plan), and it is the average over the <strong>${OWN}</strong> that is at most 6.0.`;
  const all = html`<li>The average over <strong>${ALL}</strong> is that of the same plan with the ${count} kept layers at 16 bits. Manifests and reports call it effective bits. A run may use 0.001 bits more than its request comes to, as ModelOpt's search does.`;
  const charged = known
    ? html`<li>Charged bits are those of ModelOpt's search: the narrower of weights and activations, mostly without scales. So 4-bit activations make a pair count as 4 bits though its weights may be stored in 8. Stored bits are those of weights with the scales of their blocks, as bit plans count them where they say <code>stored</code>. The size, and the grid of layers, go by stored bits.`
    : html`<li>Bits are those that ModelOpt's search charges: the narrower of weights and activations, mostly without scales.`;
  const mix =
    pairs.length > 1
      ? html`<li>Of pairs that count the same bits, a plan has the one with the lower score: mostly the one with the finer activations.`
      : "";
  return html`<details class=words open><summary>What these bits count</summary><ul>${lines([own, ...(count === 0 ? [] : [all]), charged, ...(mix === "" ? [] : [mix])])}
<li>Only layers that are listed below count: neither embeddings, norms and biases, which are never quantized, nor the scales of rows and tensors. A checkpoint is larger by these.</ul></details>`;
}
