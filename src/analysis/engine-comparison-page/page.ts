import { engineAnswer } from "../engine-comparison/answer.ts";
import {
  CONTROL_NAMES,
  correlationText,
  drawsText,
  PAIR_TITLES,
  pairCells,
  sharedText,
} from "../engine-comparison/comparison-markdown.ts";
import type { EngineComparison } from "../engine-comparison/comparison.ts";
import { engineTerms } from "../engine-comparison/terms.ts";
import script from "../page/client/engines.ts?script";
import { framedPage } from "../page/page-frame.ts";
import { inlinePicture, pictureFile } from "../page/picture.ts";
import { html, lines, type Html } from "../page/shared/html.ts";
import markStyles from "../quality-page/styles/marks.css?raw";
import qualityStyles from "../quality-page/styles/quality.css?raw";
import { budgetWords, intervalText, sizeText, smallText } from "../quality-report/figure-text.ts";
import { enginesPicture } from "./picture.ts";
import pageStyles from "./styles/engines.css?raw";

/** The page of compared engines, and its picture as a file of its own. */
export interface EnginesPage {
  readonly page: string;
  readonly picture: string;
}

/** One HTML file that needs nothing but itself: the same bytes for the same data. */
export function enginesPage(comparison: EngineComparison): EnginesPage {
  const picture = enginesPicture(comparison);
  const { notice, headline, points } = engineAnswer(comparison);
  const { model, name, scope, size } = comparison;
  const page = framedPage({
    title: `${model}: engines compared`,
    subtitle: `${name}, ${scope === "lm" ? "language layers" : "vision and language layers"}, ${size}`,
    skip: { id: "plans", text: "To the table of plans" },
    summary: html`${notice === null ? "" : html`<p class=notice role=note><strong>Random weights.</strong> ${notice}</p>`}<section id=answer aria-labelledby=answer-title><h2 id=answer-title>${headline}</h2><ul>${lines(points.map(({ lead, text }) => html`<li><strong>${lead}</strong>: ${text}`))}</ul></section>${keyFigures(comparison)}`,
    links: [
      { id: "answer", text: "Answer" },
      { id: "size", text: "Size" },
      { id: "plans", text: "Plans" },
      { id: "pairs", text: "Pairs" },
      { id: "ranks", text: "Ranks" },
      { id: "reading", text: "Reading" },
      { id: "provenance", text: "Provenance" },
    ],
    sections: [
      section(
        "size",
        picture.title,
        html`<p class=quiet>${picture.description}</p><figure class=scroll tabindex=0 role=group aria-labelledby=size-title>${inlinePicture(picture)}</figure>`,
      ),
      section("plans", "Plans of equal size", planTables(comparison)),
      section("pairs", "Engines in pairs", pairTable(comparison)),
      section("ranks", "Ranks", rankTables(comparison)),
      section(
        "reading",
        "How to read it",
        html`<dl class=terms>${engineTerms(comparison).map(({ term, means }) => html`<div><dt>${term}</dt><dd>${means}</dd></div>`)}</dl>`,
      ),
      section("provenance", "Provenance", provenance(comparison)),
    ],
    styles: markStyles + qualityStyles + pageStyles,
    script,
  });
  return { page, picture: pictureFile(picture) };
}

const section = (id: string, title: string, body: Html): Html =>
  html`<section id=${id} aria-labelledby=${id}-title><h2 id=${id}-title>${title}</h2>${body}</section>`;

function keyFigures({
  held_out: held,
  engines,
  budgets,
  quantizable,
  candidates,
}: EngineComparison): Html {
  const figures: readonly (readonly [string, string])[] = [
    ["Candidates", candidates.map((one) => one.name).join(", ")],
    ["Layer groups", String(quantizable.groups)],
    ["Held-out samples", `${held.samples} (${held.part})`],
    ["Draws of calibration data", String(Math.max(...engines.map(({ draws }) => draws.length)))],
    ["Budgets", String(budgets.length)],
  ];
  return html`<dl class=figures>${figures.map(([what, value]) => html`<div><dt>${what}</dt><dd>${value}</dd></div>`)}</dl>`;
}

const head = (title: string): Html => html`<th scope=col class=n>${title}`;

const tableOf = (
  label: string,
  caption: string,
  heads: readonly Html[],
  rows: readonly Html[],
): Html =>
  html`<div class=scroll tabindex=0 role=region aria-label="${label}"><table class=ruled><caption>${caption}</caption><thead><tr>${heads}</thead><tbody>${lines(rows)}</tbody></table></div>`;

function planTables({ budgets, engines, uniform }: EngineComparison): Html {
  const names = engines.map(({ engine }) => engine);
  const controls = ["alone", "heuristic", "inverted"] as const;
  const rows = budgets.map(
    (row) =>
      html`<tr><th scope=row class=n>${budgetWords(row.budget)}${names.map((name) => {
        const own = row.engines.find(({ engine }) => engine === name);
        return own === undefined
          ? html`<td class=n>–`
          : html`<td class="n own">${drawsText(own.kl.value, own.draws)}<br><small>factor ${intervalText(own.factor)}, ${own.word}</small>`;
      })}<td class=n>${smallText(row.random.kl.value)} <small>${smallText(row.random.lowest)} to ${smallText(row.random.highest)}</small>${controls.map(
        (kind) => {
          const control = row.controls.find((one) => one.kind === kind);
          return html`<td class=n>${control === undefined ? "–" : smallText(control.kl.value)}`;
        },
      )}`,
  );
  const main = tableOf(
    "Plans by size",
    "KL in nats a token: mean over draws of calibration data, lowest to highest draw; factor: random over the engine's mean, with its 95 % interval",
    [
      head("Budget, bits"),
      ...names.map((name) => head(`KL ${name}`)),
      head("KL random: mean, lowest to highest"),
      ...controls.map((kind) => head(`KL ${CONTROL_NAMES[kind]}`)),
    ],
    rows,
  );
  const uniformRows = uniform.map(
    ({ plan, bits, kl }) =>
      html`<tr><th scope=row>${plan}<td class=n>${sizeText(bits)}<td class=n>${intervalText(kl, smallText)}`,
  );
  return html`${main}${tableOf("One format everywhere", "One format everywhere", [head("Plan"), head("Bits"), head("KL")], uniformRows)}`;
}

function pairTable({ pairs }: EngineComparison): Html {
  const rows = pairs.map(
    (pair) =>
      html`<tr><th scope=row>${pair.better}<td>${pair.worse}${pairCells(pair).map((cell) => html`<td class=n>${cell}`)}<td class="word ${pair.verdict === "better" ? "proven" : "open"}">${pair.verdict}`,
  );
  return tableOf(
    "Engines in pairs",
    "Geometric mean over the budgets, with its paired 95 % interval over held-out samples",
    PAIR_TITLES.map(head),
    rows,
  );
}

function rankTables({ agreement, quantizable }: EngineComparison): Html {
  const kinds = [...new Set(agreement.flatMap((one) => one.kinds.map(({ kind }) => kind)))].filter(
    (kind) =>
      agreement.some((one) => one.kinds.some((of) => of.kind === kind && of.spearman !== null)),
  );
  const rows = agreement.map(
    (one) =>
      html`<tr><th scope=row>${one.a}<td>${one.b}<td>${one.candidate}<td class=n>${correlationText(one.all.spearman)}<td class=n>${correlationText(one.all.kendall)}<td class=n>${sharedText(one.top)}<td class=n>${sharedText(one.bottom)}${kinds.map((kind) => html`<td class=n>${correlationText(one.kinds.find((of) => of.kind === kind)?.spearman ?? null)}`)}`,
  );
  const main = tableOf(
    "Ranks",
    "Correlation of scores a weight, ties as midranks; two draws of one engine are there for scale",
    [
      ...[
        "Scores",
        "and scores",
        "Candidate",
        "Spearman",
        "Kendall's tau-b",
        "Most sensitive tenth",
        "Least sensitive tenth",
      ].map(head),
      ...kinds.map(head),
    ],
    rows,
  );
  const apart = agreement
    .filter(({ what, apart: moved }) => what === "engines" && moved.length > 0)
    .map(
      ({ a, b, candidate, apart: moved }) =>
        html`<li><strong>${a} and ${b}, ${candidate}</strong>: ${moved.map(({ group, a: x, b: y }) => `${group} (${x} and ${y})`).join(", ")}`,
    );
  return apart.length === 0
    ? main
    : html`${main}<p>Where engines disagree most: places of ${quantizable.groups}, 1 is the most sensitive a weight.</p><ul class=apart>${lines(apart)}</ul>`;
}

function provenance({ environment, definition, held_out: held }: EngineComparison): Html {
  const rows = Object.entries(environment).map(
    ([what, value]) => html`<tr><th scope=row>${what}<td>${value}`,
  );
  return html`<div class=scroll tabindex=0 role=region aria-label="Measured with"><table class=plain><tbody>${lines(rows)}</tbody></table></div><p class=quiet>${held.tokens} counted tokens; bootstrap seed ${definition.seed}. The lock record of a plan's measurement, below <code>aqm.lock</code>, has the digests of what it was made from.</p>`;
}
