import { html, lines, type Html } from "../page/shared/html.ts";
import { wordCell } from "../quality-page/word-cell.ts";
import { SEARCH_TITLES } from "../scheme-report/searched.ts";
import { searchRows } from "../schemes-overview/search-rows.ts";
import { CONTROL_TITLES, controlRows } from "../schemes-overview/control-rows.ts";
import { devicesOf, exportRows, missingExports } from "../schemes-overview/export-rows.ts";
import { stateOf, type SchemesOverview } from "../schemes-overview/overview.ts";
import { askedText } from "../schemes-overview/scheme-words.ts";
import {
  columnsOf,
  tableRows,
  type TableCell,
  type TableRow,
} from "../schemes-overview/table-rows.ts";

const KIND_NAMES: Readonly<Record<TableRow["kind"], string>> = {
  scheme: "schemes",
  unquantized: "the unquantized model",
  uniform: "one format everywhere",
};

/** Every scheme and every baseline with its figures: complete without a script, which sorts and filters it. */
export function schemeTable(overview: SchemesOverview): Html {
  const rows = tableRows(overview);
  const columns = columnsOf(overview);
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  const options = kinds.map((kind) => html`<option value=${kind}>${KIND_NAMES[kind]}`);
  const body = rows.map(
    ({ kind, name, word, asked, cells }, place) =>
      html`<tr data-kind=${kind} data-place=${place}><th scope=row>${name}<small>${asked}</small>${wordOf(word)}${columns.map(({ key }) => numberCell(cells[key]))}</tr>`,
  );
  const heads = columns.map(
    ({ key, title }) => html`<th scope=col data-key=${key} class=n>${title}`,
  );
  return html`<div class="controls script"><label>Filter <input type=search id=plan-filter placeholder="for instance: fp8" autocomplete=off spellcheck=false></label><label>Show <select id=plan-kind><option value="">all${options}</select></label><output id=plan-count aria-live=polite></output></div>
<div class="scroll tall" tabindex=0 role=region aria-label="All schemes"><table id=plans class=sortable><caption>${rows.length} rows; intervals are 95 % over held-out samples where they do not say otherwise</caption><thead><tr><th scope=col data-key=name>Scheme<th scope=col data-key=word>Word${heads}</tr></thead><tbody>
${lines(body)}
</tbody></table></div>`;
}

/** What is in brackets behind a word goes below it. */
export function wordOf(word: string): Html {
  const [, first = word, because] = /^(.+?) \((.*)\)$/.exec(word) ?? [];
  return wordCell({ word: first, because: because ?? null });
}

const numberCell = ({ text, value, below }: TableCell): Html =>
  html`<td class=n${value === null ? "" : html` data-value="${value}"`}>${text}${below === null ? "" : html`<small>${below}</small>`}`;

export const region = (label: string, head: readonly Html[], body: readonly Html[]): Html =>
  html`<div class=scroll tabindex=0 role=region aria-label="${label}"><table class="ruled wrapped"><thead><tr>${head}</tr></thead><tbody>${lines(body)}</tbody></table></div>`;

export const heads = (titles: readonly string[]): readonly Html[] =>
  titles.map((title) => html`<th scope=col>${title}`);

/** Judged schemes beside the controls of their size. */
export function controlTable(overview: SchemesOverview): Html | "" {
  const rows = controlRows(overview);
  if (rows.length === 0) return "";
  return region(
    "Against controls",
    heads(CONTROL_TITLES),
    rows.map(
      ({ name, word, cells }) =>
        html`<tr><th scope=row>${name}${wordOf(word)}${cells.map((text) => html`<td>${text}`)}</tr>`,
    ),
  );
}

/** Schemes that were found by measuring plans. */
export function searchTable(overview: SchemesOverview): Html | "" {
  const rows = searchRows(overview);
  if (rows.length === 0) return "";
  return region(
    "Searched by measurement",
    heads(SEARCH_TITLES),
    rows.map(
      ([name = "", ...cells]) =>
        html`<tr><th scope=row>${name}${cells.map((text) => html`<td>${text}`)}</tr>`,
    ),
  );
}

/** Every export that is there with its sizes and what vLLM answers on each device; what to build for the others. */
export function exportSection(overview: SchemesOverview): Html | "" {
  const [rows, missing] = [exportTable(overview), missingExports(overview)];
  if (rows === "" && missing.length === 0) return "";
  const commands = missing.map((target) => html`<li><code>aqm build ${target}</code>`);
  return html`${rows}${missing.length === 0 ? "" : html`<details class=words><summary>${missing.length} ${missing.length === 1 ? "checkpoint is" : "checkpoints are"} not exported: what to build</summary><ul>${lines(commands)}</ul></details>`}`;
}

function exportTable(overview: SchemesOverview): Html | "" {
  const rows = exportRows(overview);
  if (rows.length === 0) return "";
  const titles = [
    "Scheme",
    "Word",
    "Format",
    "Tensors, predicted",
    "Tensors, in files",
    "All files",
    "Largest KL of logits",
  ];
  return region(
    "Files and vLLM",
    heads([...titles, ...devicesOf(overview)]),
    rows.map(
      ({ name, word, format, predicted, found, files, logits, answers }) =>
        html`<tr><th scope=row>${name}${wordOf(word)}${[format, predicted, found, files, logits, ...answers].map((text) => html`<td>${text}`)}</tr>`,
    ),
  );
}

/** Schemes without figures, and what to build. */
export function openTable({ schemes }: SchemesOverview): Html | "" {
  const open = schemes.filter(({ quality }) => quality === null);
  if (open.length === 0) return "";
  return region(
    "Without figures",
    heads(["Scheme", "Asked for", "State", "What to do"]),
    open.map(
      (shown) =>
        html`<tr><th scope=row>${shown.name}<td>${askedText(shown)}<td>${stateOf(shown)}<td>${shown.because ?? html`<code>aqm build ${shown.target}/quality.json</code>`}</tr>`,
    ),
  );
}
