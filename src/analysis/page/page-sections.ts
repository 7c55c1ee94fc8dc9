import type { Weights } from "./shared/plan-figures.ts";
import { gateNotes } from "./gate-notes.ts";
import { escaped } from "./shared/markup.ts";
import { bitsText, roughCount, scoreText } from "./shared/numbers.ts";
import type { PageAnalysis, PageModel } from "./page-model.ts";
import { inlinePicture, type Picture } from "./picture.ts";
import { measurementFacts, type PageSource } from "./provenance.ts";

export interface PageSubject {
  /** What is shown, for instance the model and the pair. */
  readonly title: string;
  readonly subtitle: string;
  readonly sources: readonly PageSource[];
  /** Files beside the page, or near it. */
  readonly links: readonly { readonly text: string; readonly href: string }[];
}

export function summary(
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

export const figureSection = (id: string, picture: Picture, controls: string): string =>
  `<section id=${id} aria-labelledby=${id}-title><h2 id=${id}-title>${escaped(picture.title)}</h2><p class=quiet>${escaped(picture.description)}</p><figure class=scroll tabindex=0 role=group aria-labelledby=${id}-title>${inlinePicture(picture)}</figure>${controls}</section>`;

export const depthControls = ({ columns }: PageModel): string =>
  columns.length < 2
    ? ""
    : `<div class="controls script"><label>Highlighted pair <select id=depth-column>${columns.map(({ name }, index) => `<option value=${index}>${escaped(name)}`).join("")}</select></label></div>`;

export const tableControls = ({ bands }: PageModel): string =>
  `<div class="controls script"><label>Filter <input type=search id=filter placeholder="for instance: down 3" autocomplete=off spellcheck=false></label><label>Kind <select id=filter-kind><option value="">all kinds${bands.map(({ tower, kind }, index) => `<option value=${index}>${escaped(`${tower} ${kind}`)}`).join("")}</select></label><label class=check><input type=checkbox id=filter-kept checked> with kept layers</label><output id=filter-count aria-live=polite></output></div>`;

const MARKS = { passed: "✓", failed: "✗", unknown: "?" } as const;

export const gateSection = (analyses: readonly [PageAnalysis, ...PageAnalysis[]]): string =>
  `<section id=gates aria-labelledby=gates-title><h2 id=gates-title>Gates</h2><p class=quiet>What fails a gate while it is measured is never recorded. These are the checks that the documents behind this page can answer.</p><table class=plain><tbody>${gateNotes(
    analyses,
  )
    .map(
      ({ gate, state, says }) =>
        `<tr class=${state}><td><span aria-hidden=true>${MARKS[state]}</span> ${state}<th scope=row>${gate}<td>${escaped(says)}`,
    )
    .join("\n")}</tbody></table></section>`;

export function provenanceSection(
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
<details${files.length > 4 ? "" : " open"}><summary>${files.length} files behind this page, and their digests</summary>${table(files)}</details>
<p class=quiet>The lock record of a file, <code>aqm.lock/&lt;path&gt;.json</code>, has the digests of what it was made from in turn, the settings, the tools and the cost.</p>${
    beside.length === 0 ? "" : `<ul class=links>${beside.join("")}</ul>`
  }</section>`;
}
