import { html, lines, type Html } from "../page/shared/html.ts";
import type { Figure } from "../quality/figures.ts";
import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import {
  lossText,
  percentText,
  perplexityText,
  sizeText,
  smallText,
  timesText,
} from "../quality-report/figure-text.ts";
import { KINDS, recipeName, ROW_KINDS } from "../quality-report/names.ts";
import { planRows, type PlanRow } from "../quality-report/plan-rows.ts";
import { wordCell } from "./word-cell.ts";

interface Column {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: PlanRow) => Html;
}

/** A cell of a number: sorted by all of its digits, shown with those that say something. */
const number = (value: number | null, text: (value: number) => string): Html =>
  value === null ? html`<td class=n>–` : html`<td class=n data-value="${value}">${text(value)}`;

/** The same with its 95 % interval below it. */
const withInterval = (figure: Figure | null, text: (value: number) => string): Html =>
  figure === null
    ? html`<td class=n>–`
    : html`<td class=n data-value="${figure.value}">${text(figure.value)}<small>${text(figure.low)} to ${text(figure.high)}</small>`;

const COLUMNS: readonly Column[] = [
  { key: "word", title: "Verdict", cell: wordCell },
  {
    key: "bits",
    title: "Bits",
    cell: ({ measured: { bits } }) => number(bits, sizeText),
  },
  {
    key: "whole",
    title: "Whole model",
    cell: ({ measured: { whole_model_bits } }) => number(whole_model_bits, sizeText),
  },
  {
    key: "kl",
    title: "KL, nats a token",
    cell: ({ measured: { kl } }) => withInterval(kl, smallText),
  },
  {
    key: "p95",
    title: "KL p95",
    cell: ({ measured: { kl_p95 } }) => number(kl_p95.value, smallText),
  },
  {
    key: "p99",
    title: "KL p99",
    cell: ({ measured: { kl_p99 } }) => number(kl_p99.value, smallText),
  },
  {
    key: "top",
    title: "Same top token",
    cell: ({ measured: { top1_agreement } }) => number(top1_agreement.value, percentText),
  },
  {
    key: "loss",
    title: "Loss, nats",
    cell: ({ measured: { loss } }) => number(loss.value, lossText),
  },
  {
    key: "perplexity",
    title: "Perplexity",
    cell: ({ measured: { perplexity } }) => number(perplexity.value, perplexityText),
  },
  {
    key: "mse",
    title: "Logit MSE, all",
    cell: ({ measured: { logit_mse } }) => number(logit_mse.value, smallText),
  },
  {
    key: "mse-last",
    title: "Logit MSE, last",
    cell: ({ measured: { logit_mse_last } }) => number(logit_mse_last.value, smallText),
  },
  {
    key: "proof",
    title: "Factor: random / this",
    cell: ({ proof }) => withInterval(proof, timesText),
  },
  {
    key: "against",
    title: "This / by sensitivity",
    cell: ({ against }) => withInterval(against?.factor ?? null, timesText),
  },
  { key: "kind", title: "Kind", cell: ({ kind }) => html`<td>${KINDS[kind].name}` },
];

/** Every plan and recipe with every figure: complete without a script, which only sorts and filters it. */
export function planTable(frontier: MeasuredFrontier): Html {
  const rows = planRows(frontier);
  const body = rows.map(
    (row, place) =>
      html`<tr data-kind=${row.kind} data-place=${place}><th scope=row>${nameOf(row)}${COLUMNS.map(({ cell }) => cell(row))}</tr>`,
  );
  const texts = new Set(["kind", "word"]);
  const heads = COLUMNS.map(
    ({ key, title }) =>
      html`<th scope=col data-key=${key}${texts.has(key) ? "" : " class=n"}>${title}`,
  );
  return html`<div class="scroll tall" tabindex=0 role=region aria-label="All plans"><table id=plans class=sortable><caption>${rows.length} plans and recipes; intervals are 95 %</caption><thead><tr><th scope=col data-key=name>Plan${heads}</tr></thead><tbody>\n${lines(body)}\n</tbody></table></div>`;
}

/** A recipe as people call it, with the name of ModelOpt's config below it. */
const nameOf = ({ kind, measured: { name } }: PlanRow): Html =>
  kind === "recipe" && recipeName(name) !== name
    ? html`${recipeName(name)}<small>${name}</small>`
    : html`${name}`;

/** Which kinds there are, to choose one of them. */
export function planControls(frontier: MeasuredFrontier): Html {
  const rows = planRows(frontier);
  const kinds = ROW_KINDS.filter((kind) => rows.some((row) => row.kind === kind));
  const options = kinds.map((kind) => html`<option value=${kind}>${KINDS[kind].name}`);
  return html`<div class="controls script"><label>Filter <input type=search id=plan-filter placeholder="for instance: 4.00" autocomplete=off spellcheck=false></label><label>Kind <select id=plan-kind><option value="">all kinds${options}</select></label><output id=plan-count aria-live=polite></output></div>`;
}
