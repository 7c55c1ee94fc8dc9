import { fail, succeed, type Outcome } from "../outcome.ts";
import { budgetCurves, type BudgetCurve } from "./budget-curve.ts";
import { budgetSection, type Weights } from "./budget-section.ts";
import script from "./client/main.ts?script";
import { depthChart } from "./depth-chart.ts";
import { frontierChart, type FrontierChart } from "./frontier-chart.ts";
import { gateNotes } from "./gate-notes.ts";
import { heatmap, type Heatmap } from "./heatmap.ts";
import { layerTable } from "./layer-table.ts";
import { logScale } from "./log-scale.ts";
import { escaped, scriptJson } from "./markup.ts";
import { bitsText, roughCount, scoreText } from "./numbers.ts";
import { canPack, packSteps, type PageData } from "./page-data.ts";
import { pageModel, type PageAnalysis, type PageModel } from "./page-model.ts";
import { pageColours } from "./palette.ts";
import { inlinePicture, pictureFile, type Picture } from "./picture.ts";
import { measurementFacts, type PageSource } from "./provenance.ts";
import pageStyles from "./styles/page.css?raw";
import pictureStyles from "./styles/picture.css?raw";

export interface PageSubject {
  /** What is shown, for instance the model and the pair. */
  readonly title: string;
  readonly subtitle: string;
  readonly sources: readonly PageSource[];
  /** Files beside the page, or near it. */
  readonly links: readonly { readonly text: string; readonly href: string }[];
}

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
): Outcome<AnalysisPage> {
  const model = pageModel(analyses);
  if (!model.ok) return model;
  const curves = budgetCurves(analyses, model.value);
  if (!curves.ok) return curves;
  const tooMany = curves.value.find((curve) => !canPack(curve));
  if (tooMany !== undefined) {
    const what = `${model.value.layers.length} layer groups with ${tooMany.options.length} formats`;
    return fail(
      "search_too_large",
      "",
      `${what} are more than a page can hold (1296 and 36). Make pages of fewer analyses.`,
    );
  }
  const unit = sumsOver(analyses);
  const heat = heatmap(model.value, unit);
  const depth = depthChart(model.value, unit);
  const frontier = frontierChart(curves.value, unit);
  return succeed({
    page: html(subject, analyses, model.value, curves.value, { heat, depth, frontier }),
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

function html(
  subject: PageSubject,
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
  model: PageModel,
  curves: readonly BudgetCurve[],
  { heat, depth, frontier }: Pictures,
): string {
  const scale = logScale(model.columns.flatMap(({ scores }) => scores.map((score) => score ?? 0)));
  const [curve] = curves;
  const weights = weightsOf(model);
  const data = pageData(model, curves, heat, frontier, weights);
  const sections = [
    budgetSection(model, curves, inlinePicture(frontier.picture), weights),
    figureSection(
      "heat",
      heat.picture,
      '<output id=heat-readout class="readout script" aria-live=polite>Point at a cell, or focus the picture and use the arrow keys.</output>',
    ),
    figureSection("depth-section", depth, depthControls(model)),
    `<section id=table aria-labelledby=table-title><h2 id=table-title>Layers</h2>${tableControls(model)}<div class="scroll tall" tabindex=0 role=region aria-label="Layers">${curve === undefined ? "" : layerTable(model, scale, curve)}</div></section>`,
    gateSection(analyses),
    provenanceSection(subject, analyses),
  ];
  return `<!doctype html>
<html lang=en>
<head>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">
<meta http-equiv=Content-Security-Policy content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'self'; connect-src 'self'; img-src data:">
<meta name=color-scheme content="light dark">
<title>${escaped(`${subject.title}, ${subject.subtitle}`)}</title>
<style>
${pageColours()}
${pictureStyles}${pageStyles}</style>
</head>
<body>
<a class=skip href="#table">To the table of layers</a>
<header><div><h1>${escaped(subject.title)}</h1><p class=quiet>${escaped(subject.subtitle)}</p></div>
<fieldset class="theme script"><legend>Colours</legend><label><input type=radio name=theme value="light dark" checked> as the system</label><label><input type=radio name=theme value=light> light</label><label><input type=radio name=theme value=dark> dark</label></fieldset></header>
${summary(analyses, model, weights)}
<nav aria-label="On this page"><a href="#budget">Budget</a><a href="#heat">Heatmap</a><a href="#depth-section">Depth</a><a href="#table">Layers</a><a href="#gates">Gates</a><a href="#provenance">Provenance</a></nav>
<main>
${sections.join("\n")}
</main>
<script type="application/json" id=data>${scriptJson(data)}</script>
<script>${script.trim().replaceAll("</script", "<\\/script")}</script>
</body>
</html>
`;
}

function weightsOf({ layers, columns }: PageModel): Weights {
  const sum = (some: readonly { readonly weights: number }[]): number =>
    some.reduce((total, { weights }) => total + weights, 0);
  const kept = layers.filter((_, layer) =>
    columns.every(({ scores }) => (scores[layer] ?? null) === null),
  );
  return { all: sum(layers), kept: sum(kept) };
}

function pageData(
  model: PageModel,
  curves: readonly BudgetCurve[],
  heat: Heatmap,
  chart: FrontierChart,
  weights: Weights,
): PageData {
  const { left, right, from, to } = chart;
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
    columns: model.columns.map(({ name, bits }) => ({ name, bits })),
    scores: model.columns.map(({ scores }) =>
      scores.map((score) => (score === null ? null : Number(score.toPrecision(6)))),
    ),
    curves: curves.map(({ name, options, steps, chosen }, index) => ({
      name,
      options,
      steps: packSteps(steps),
      chosen,
      heights: chart.heights[index] ?? [],
    })),
    heat: heat.grid,
    chart: { left, right, from, to },
    weights: weights.all,
    keptWeights: weights.kept,
  };
}

function summary(
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
  { layers, columns }: PageModel,
  { all, kept }: Weights,
): string {
  const measured = layers.filter((_, layer) =>
    columns.some(({ scores }) => (scores[layer] ?? null) !== null),
  ).length;
  const [{ manifest }] = analyses;
  const one = analyses.length === 1;
  const figures: readonly (readonly [string, string])[] = [
    [
      "Layer groups",
      `${measured} measured${measured === layers.length ? "" : `, ${layers.length - measured} kept`}`,
    ],
    ["Weights", `${roughCount(all)}${kept === 0 ? "" : `, ${roughCount(kept)} kept`}`],
    ...(one
      ? ([
          [
            "Effective bits",
            `${bitsText(manifest.search.effectiveBits)}${manifest.search.satisfied ? "" : " (budget not met)"}`,
          ],
          ["Total score", scoreText(manifest.search.score)],
        ] as const)
      : ([["Pairs", String(analyses.length)]] as const)),
    ...(manifest.measured === undefined
      ? []
      : ([["Scored samples", String(manifest.measured.samples)]] as const)),
  ];
  return `<dl class=figures>${figures.map(([name, value]) => `<div><dt>${name}</dt><dd>${escaped(value)}</dd></div>`).join("")}</dl>`;
}

const figureSection = (id: string, picture: Picture, controls: string): string =>
  `<section id=${id} aria-labelledby=${id}-title><h2 id=${id}-title>${escaped(picture.title)}</h2><p class=quiet>${escaped(picture.description)}</p><figure class=scroll tabindex=0>${inlinePicture(picture)}</figure>${controls}</section>`;

const depthControls = ({ columns }: PageModel): string =>
  columns.length < 2
    ? ""
    : `<div class="controls script"><label>Highlighted pair <select id=depth-column>${columns.map(({ name }, index) => `<option value=${index}>${escaped(name)}`).join("")}</select></label></div>`;

const tableControls = ({ bands }: PageModel): string =>
  `<div class="controls script"><label>Filter <input type=search id=filter placeholder="for instance: down 3" autocomplete=off spellcheck=false></label><label>Kind <select id=filter-kind><option value="">all kinds${bands.map(({ tower, kind }, index) => `<option value=${index}>${escaped(`${tower} ${kind}`)}`).join("")}</select></label><label class=check><input type=checkbox id=filter-kept checked> with kept layers</label><output id=filter-count aria-live=polite></output></div>`;

const MARKS = { passed: "✓", failed: "✗", unknown: "?" } as const;

const gateSection = (analyses: readonly [PageAnalysis, ...PageAnalysis[]]): string =>
  `<section id=gates aria-labelledby=gates-title><h2 id=gates-title>Gates</h2><p class=quiet>What fails a gate while it is measured is never recorded. These are the checks that the documents behind this page can answer.</p><table class=plain><tbody>${gateNotes(
    analyses,
  )
    .map(
      ({ gate, state, says }) =>
        `<tr class=${state}><td><span aria-hidden=true>${MARKS[state]}</span> ${state}<th scope=row>${gate}<td>${escaped(says)}`,
    )
    .join("\n")}</tbody></table></section>`;

function provenanceSection(
  { sources, links }: PageSubject,
  analyses: readonly PageAnalysis[],
): string {
  const files = sources.map(
    ({ what, path, digest }) =>
      `<tr><th scope=row>${escaped(what)}<td class=path>${escaped(path)}<td class=digest>${escaped(digest)}`,
  );
  const facts = measurementFacts(analyses).map(
    ({ name, value }) => `<tr><th scope=row>${escaped(name)}<td>${escaped(value)}`,
  );
  const table = (rows: readonly string[]): string =>
    `<table class=plain><tbody>${rows.join("\n")}</tbody></table>`;
  const beside = links.map(
    ({ text, href }) => `<li><a href="${escaped(href)}">${escaped(text)}</a>`,
  );
  return `<section id=provenance aria-labelledby=provenance-title><h2 id=provenance-title>Provenance</h2>
${table(facts)}
<details${files.length > 4 ? "" : " open"}><summary>${files.length} files that this page was made from, and their digests</summary>${table(files)}</details>
<p class=quiet>The lock record of a file, <code>aqm.lock/&lt;path&gt;.json</code>, has the digests of what it was made from in turn, the settings, the tools and the cost.</p>${
    beside.length === 0 ? "" : `<ul class=links>${beside.join("")}</ul>`
  }</section>`;
}
