import { failed, ok, type Analysed } from "../result/result.ts";
import { budgetCurves, budgetData } from "./budget-curve.ts";
import { budgetSection } from "./budget-section.ts";
import type { SchemeBasis } from "./shared/scheme-yaml.ts";
import type { BudgetCurve } from "./shared/curve.ts";
import { keptLayers, offeredPairs, type BudgetData } from "./shared/budget-data.ts";
import type { Weights } from "./shared/plan-figures.ts";
import { sharesOf } from "./shared/solve-curve.ts";
import { pairsSection } from "./pairs-section.ts";
import script from "./client/main.ts?script";
import { depthChart } from "./depth-chart.ts";
import { frontierChart, type FrontierChart } from "./frontier-chart.ts";
import { heatmap, type Heatmap } from "./heatmap.ts";
import { layerTable } from "./layer-table.ts";
import { logScale } from "./log-scale.ts";
import { framedPage, type PageLink } from "./page-frame.ts";
import { html, scriptJson } from "./shared/html.ts";
import { canPack, packSteps, type PageData } from "./shared/page-data.ts";
import { pageModel, type PageAnalysis, type PageModel } from "./page-model.ts";
import { inlinePicture, pictureFile, type Picture } from "./picture.ts";
import {
  depthControls,
  figureSection,
  gateSection,
  provenanceSection,
  summary,
  tableControls,
  type PageSubject,
} from "./page-sections.ts";

/** A page, and its main pictures as files of their own. */
export interface AnalysisPage {
  readonly page: string;
  readonly heatmap: string;
  readonly depth: string;
  readonly frontier: string;
}

/**
 * One HTML file about one analysis or about several of one model and scope, that needs nothing but itself:
 * the same bytes for the same data.
 */
export function analysisPage(
  subject: PageSubject,
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
): Analysed<AnalysisPage> {
  const model = pageModel(analyses);
  if (!model.ok) return model;
  const budget = budgetData(analyses, model.value);
  const curves = budgetCurves(budget);
  if (!curves.ok) return curves;
  const [curve] = curves.value;
  if (!canPack(curve)) {
    const what = `${model.value.layers.length} layer groups with ${curve.options.length} formats`;
    return failed(
      "search_too_large",
      "",
      `${what} are more than a page can hold (1296 and 36). Make pages of fewer analyses.`,
    );
  }
  const unit = sumsOver(analyses);
  const heat = heatmap(model.value, unit);
  const depth = depthChart(model.value, unit);
  const frontier = frontierChart(curves.value, sharesOf(budget), offeredPairs(budget), unit);
  return ok({
    page: document(subject, analyses, model.value, budget, curve, { heat, depth, frontier }),
    heatmap: pictureFile(heat.picture),
    depth: pictureFile(depth),
    frontier: pictureFile(frontier.picture),
  });
}

function sumsOver([{ manifest }, ...others]: readonly [PageAnalysis, ...PageAnalysis[]]): string {
  const { measured } = manifest;
  const same = others.every((other) => other.manifest.measured?.samples === measured?.samples);
  return measured === undefined || !same
    ? "Scores are sums over the scored samples"
    : `Scores are sums over ${measured.samples} samples`;
}

interface Pictures {
  readonly heat: Heatmap;
  readonly depth: Picture;
  readonly frontier: FrontierChart;
}

function document(
  subject: PageSubject,
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
  model: PageModel,
  budget: BudgetData,
  curve: BudgetCurve,
  { heat, depth, frontier }: Pictures,
): string {
  const scale = logScale(model.columns.flatMap(({ scores }) => scores.map((score) => score ?? 0)));
  const weights = weightsOf(budget);
  const basis = schemeBasis(subject, analyses, model, budget);
  const data = pageData(model, budget, basis, curve, heat, frontier);
  const drawn = inlinePicture(frontier.picture);
  const sections = [
    budgetSection(analyses, model, budget, basis, curve, drawn, weights),
    pairsSection(analyses, subject.skipped ?? []),
    figureSection(
      "heat",
      heat.picture,
      html`<output id=heat-readout class="readout script" aria-live=polite>Point at a cell, or focus the picture and use the arrow keys.</output>`,
    ),
    figureSection("depth-section", depth, depthControls(model)),
    html`<section id=table${model.columns.length > 6 ? html` class=many` : ""} aria-labelledby=table-title><h2 id=table-title>Layers</h2>${tableControls(model)}<div class="scroll tall" tabindex=0 role=region aria-label="Layers">${layerTable(model, scale, curve)}</div></section>`,
    gateSection(analyses),
    provenanceSection(subject, analyses),
  ];
  return framedPage({
    title: subject.title,
    subtitle: subject.subtitle,
    skip: { id: "table", text: "To the table of layers" },
    summary: summary(analyses, model, weights),
    links: LINKS,
    sections,
    data: scriptJson(data),
    script,
  });
}

const LINKS: readonly PageLink[] = [
  { id: "budget", text: "Budget" },
  { id: "pairs", text: "Pairs" },
  { id: "heat", text: "Heatmap" },
  { id: "depth-section", text: "Depth" },
  { id: "table", text: "Layers" },
  { id: "gates", text: "Gates" },
  { id: "provenance", text: "Provenance" },
];

function weightsOf(budget: BudgetData): Weights {
  const kept = keptLayers(budget);
  const sum = (some: readonly number[]): number => some.reduce((total, own) => total + own, 0);
  return {
    all: sum(budget.weights),
    kept: sum(budget.weights.filter((_, layer) => kept[layer])),
  };
}

/** What a scheme of a plan of this page has beside the plan; null where that is not known. */
function schemeBasis(
  { settings }: PageSubject,
  [{ manifest, scores }]: readonly [PageAnalysis, ...PageAnalysis[]],
  { layers }: PageModel,
  budget: BudgetData,
): SchemeBasis | null {
  if (settings === undefined) return null;
  const head = layers.findIndex(({ name }) => name === "lm_head");
  const lmHead = head >= 0 && keptLayers(budget)[head] !== true;
  const types = new Map(scores?.modules.map(({ name, type }) => [name, type]));
  const convolutions = layers.flatMap(({ name }, layer) =>
    types.get(name)?.includes("Conv") === true ? [layer] : [],
  );
  return { ...settings, engine: manifest.engine, lmHead, convolutions };
}

function pageData(
  model: PageModel,
  { columns, scores, pairs, mixed }: BudgetData,
  scheme: SchemeBasis | null,
  curve: BudgetCurve,
  heat: Heatmap,
  chart: FrontierChart,
): PageData {
  const kindOf = new Map(
    model.bands.flatMap((band, index) => band.layers.map((layer) => [layer, index])),
  );
  return {
    layers: model.layers.map(({ name, block, weights: own }, layer) => [
      name,
      kindOf.get(layer) ?? 0,
      block ?? -1,
      own,
    ]),
    kinds: model.bands.map(({ tower, kind }) => `${tower} ${kind}`),
    columns,
    scores,
    pairs,
    mixed,
    scheme,
    curve: { ...curve, steps: packSteps(curve.steps) },
    heat: heat.grid,
    chart: chart.grid,
  };
}
