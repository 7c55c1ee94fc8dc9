import type { Weights } from "./shared/plan-figures.ts";
import { gateNotes } from "./gate-notes.ts";
import { html, lines, type Html } from "./shared/html.ts";
import { bitsText, roughCount, scoreText } from "./shared/numbers.ts";
import type { PageAnalysis, PageModel } from "./page-model.ts";
import type { SkippedPair } from "./pairs-section.ts";
import { inlinePicture, type Picture } from "./picture.ts";
import { measurementFacts, type PageSource } from "./provenance.ts";

export interface PageSubject {
  /** What is shown, for instance the model and the pair. */
  readonly title: string;
  readonly subtitle: string;
  readonly sources: readonly PageSource[];
  /** Files beside the page, or near it. */
  readonly links: readonly { readonly text: string; readonly href: string }[];
  /** Of all its analyses, for schemes; absent where schemes cannot have them. */
  readonly settings?: { readonly scope: string; readonly size: string };
  /** Pairs that are not on the page. */
  readonly skipped?: readonly SkippedPair[];
}

export function summary(
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
  { layers, columns }: PageModel,
  { all, kept }: Weights,
): Html {
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
  return html`<dl class=figures>${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export const figureSection = (id: string, picture: Picture, controls: Html | ""): Html =>
  html`<section id=${id} aria-labelledby=${id}-title><h2 id=${id}-title>${picture.title}</h2><p class=quiet>${picture.description}</p><figure class=scroll tabindex=0 role=group aria-labelledby=${id}-title>${inlinePicture(picture)}</figure>${controls}</section>`;

export const depthControls = ({ columns }: PageModel): Html | "" =>
  columns.length < 2
    ? ""
    : html`<div class="controls script"><label>Highlighted pair <select id=depth-column>${columns.map(({ name }, index) => html`<option value=${index}>${name}`)}</select></label></div>`;

export const tableControls = ({ bands }: PageModel): Html =>
  html`<div class="controls script"><label>Filter <input type=search id=filter placeholder="for instance: down 3" autocomplete=off spellcheck=false></label><label>Kind <select id=filter-kind><option value="">all kinds${bands.map(({ tower, kind }, index) => html`<option value=${index}>${tower} ${kind}`)}</select></label><label class=check><input type=checkbox id=filter-kept checked> with kept layers</label><output id=filter-count aria-live=polite></output></div>`;

const MARKS = { passed: "✓", failed: "✗", unknown: "?" } as const;

export const gateSection = (analyses: readonly [PageAnalysis, ...PageAnalysis[]]): Html =>
  html`<section id=gates aria-labelledby=gates-title><h2 id=gates-title>Gates</h2><p class=quiet>What fails a gate while it is measured is never recorded. These are the checks that the documents behind this page can answer.</p><table class=plain><tbody>${lines(
    gateNotes(analyses).map(
      ({ gate, state, says }) =>
        html`<tr class=${state}><td><span aria-hidden=true>${MARKS[state]}</span> ${state}<th scope=row>${gate}<td>${says}`,
    ),
  )}</tbody></table></section>`;

export function provenanceSection(
  { sources, links }: PageSubject,
  analyses: readonly PageAnalysis[],
): Html {
  const files = sources.map(
    ({ what, path, digest }) =>
      html`<tr><th scope=row>${what}<td class=path>${path}<td class=digest>${digest}`,
  );
  const facts = measurementFacts(analyses).map(
    ({ name, value }) => html`<tr><th scope=row>${name}<td>${value}`,
  );
  const table = (rows: readonly Html[]): Html =>
    html`<table class=plain><tbody>${lines(rows)}</tbody></table>`;
  const beside = links.map(({ text, href }) => html`<li><a href="${href}">${text}</a>`);
  return html`<section id=provenance aria-labelledby=provenance-title><h2 id=provenance-title>Provenance</h2>
${table(facts)}
<details${files.length > 4 ? "" : " open"}><summary>${files.length} files behind this page, and their digests</summary>${table(files)}</details>
<p class=quiet>The lock record of a file, <code>aqm.lock/&lt;path&gt;.json</code>, has the digests of what it was made from in turn, the settings, the tools and the cost.</p>${
    beside.length === 0 ? "" : html`<ul class=links>${beside}</ul>`
  }</section>`;
}
