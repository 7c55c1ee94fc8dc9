import { framedPage, type PageLink } from "../page/page-frame.ts";
import { inlinePicture, pictureFile, type Picture } from "../page/picture.ts";
import script from "../page/client/quality.ts?script";
import { html, lines, type Html } from "../page/shared/html.ts";
import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import { answerOf } from "../quality-report/answer.ts";
import {
  budgetWords,
  intervalText,
  lossText,
  perplexityText,
} from "../quality-report/figure-text.ts";
import { comparedText, howToRead } from "../quality-report/how-to-read.ts";
import { scopeName } from "../quality-report/names.ts";
import { groupedDigits } from "../text/grouped.ts";
import { budgetTable } from "./budget-table.ts";
import { correlationSection } from "./correlation-section.ts";
import { frontierPicture } from "./frontier-picture.ts";
import { planControls, planTable } from "./plan-table.ts";
import { predictedPicture } from "./predicted-picture.ts";
import { provenanceSection, type QualitySource } from "./provenance.ts";
import markStyles from "./styles/marks.css?raw";
import pageStyles from "./styles/quality.css?raw";

/** A page of measured quality, and its pictures as files of their own. */
export interface QualityPage {
  readonly page: string;
  readonly frontier: string;
  readonly predicted: string;
}

/** One HTML file about one measured frontier, that needs nothing but itself: the same bytes for the same data. */
export function qualityPage(
  frontier: MeasuredFrontier,
  sources: readonly QualitySource[],
): QualityPage {
  const chart = frontierPicture(frontier);
  const predicted = predictedPicture(frontier);
  const page = framedPage({
    title: `${frontier.model}: measured quality`,
    subtitle: `${frontier.name}, ${scopeName(frontier)}, calibrated on ${frontier.size}`,
    skip: { id: "plans-section", text: "To the table of plans" },
    summary: html`${notice(frontier)}${answerSection(frontier)}${keyFigures(frontier)}`,
    links: LINKS,
    sections: [
      pictureSection("size", chart, budgetTable(frontier)),
      pictureSection("predicted", predicted, ""),
      correlationSection(frontier),
      html`<section id=plans-section aria-labelledby=plans-title><h2 id=plans-title>All plans</h2>${planControls(frontier)}${planTable(frontier)}</section>`,
      readingSection(frontier),
      provenanceSection(frontier, sources),
    ],
    styles: markStyles + pageStyles,
    script,
  });
  return { page, frontier: pictureFile(chart), predicted: pictureFile(predicted) };
}

const LINKS: readonly PageLink[] = [
  { id: "answer", text: "Answer" },
  { id: "size", text: "Size" },
  { id: "predicted", text: "Prediction" },
  { id: "correlation", text: "Correlation" },
  { id: "plans-section", text: "Plans" },
  { id: "reading", text: "Reading" },
  { id: "provenance", text: "Provenance" },
];

function notice(frontier: MeasuredFrontier): Html | "" {
  const said = answerOf(frontier).notice;
  return said === null
    ? ""
    : html`<p class=notice role=note><strong>Random weights.</strong> ${said}</p>`;
}

function answerSection(frontier: MeasuredFrontier): Html {
  const { headline, points } = answerOf(frontier);
  const items = points.map(({ lead, text }) => html`<li><strong>${lead}</strong>: ${text}`);
  return html`<section id=answer aria-labelledby=answer-title><h2 id=answer-title>${headline}</h2><ul>${lines(items)}</ul></section>`;
}

function keyFigures({ held_out, plans, recipes, verdicts, reference }: MeasuredFrontier): Html {
  const [first, last] = [verdicts[0], verdicts.at(-1)];
  const figures: readonly (readonly [string, string])[] = [
    ["Held-out samples", `${held_out.samples} (${held_out.part})`],
    ["Counted tokens", groupedDigits(held_out.tokens)],
    [
      "Plans measured",
      `${plans.length}${recipes.length === 0 ? "" : ` and ${recipes.length} recipes`}`,
    ],
    ...(first === undefined || last === undefined
      ? []
      : ([
          [
            "Budgets",
            `${verdicts.length}, ${budgetWords(first.budget)} to ${budgetWords(last.budget)} bits`,
          ],
        ] as const)),
    ["Loss, not quantized", `${lossText(reference.loss.value)} nats a token`],
    ["Perplexity, not quantized", perplexityText(reference.perplexity.value)],
  ];
  return html`<dl class=figures>${figures.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

const pictureSection = (id: string, picture: Picture, below: Html | ""): Html =>
  html`<section id=${id} aria-labelledby=${id}-title><h2 id=${id}-title>${picture.title}</h2><p class=quiet>${picture.description}</p><figure class=scroll tabindex=0 role=group aria-labelledby=${id}-title>${inlinePicture(picture)}</figure>${below}</section>`;

function readingSection(frontier: MeasuredFrontier): Html {
  const terms = howToRead(frontier).map(
    ({ term, means }) => html`<div><dt>${term}</dt><dd>${means}</dd></div>`,
  );
  return html`<section id=reading aria-labelledby=reading-title><h2 id=reading-title>What was compared, and how to read it</h2><p>${comparedText(frontier)} The unquantized model has a loss of ${intervalText(frontier.reference.loss, lossText)} nats a token and a perplexity of ${intervalText(frontier.reference.perplexity, perplexityText)}.</p><dl class=terms>${terms}</dl></section>`;
}
