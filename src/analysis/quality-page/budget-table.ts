import { html, lines, type Html } from "../page/shared/html.ts";
import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import { budgetRows, type BudgetRow } from "../quality-report/budget-rows.ts";
import { budgetWords, intervalText, sizeText, smallText } from "../quality-report/figure-text.ts";
import { KINDS, type RowKind } from "../quality-report/names.ts";
import { wordCell } from "./word-cell.ts";

const CONTROLS: readonly RowKind[] = ["heuristic", "weight_error", "inverted", "uniform"];

/** The judged plan of each budget beside the controls of its size. */
export function budgetTable(frontier: MeasuredFrontier): Html {
  const rows = budgetRows(frontier);
  const shown = CONTROLS.filter((kind) => rows.some((row) => row.controls_by_kind.has(kind)));
  const head = (title: string): Html => html`<th scope=col class=n>${title}`;
  const body = rows.map(
    (row) =>
      html`<tr><th scope=row class=n>${budgetWords(row.budget)}${wordCell(row)}<td class=n>${intervalText(row.factor)}<td class=n>${wholeText(row.solver.whole_model_bits)}<td class="n own">${smallText(row.solver.kl.value)}<td class=n>${smallText(row.random.kl.value)} <small>${smallText(row.random.lowest)} to ${smallText(row.random.highest)}</small>${shown.map((kind) => html`<td class=n>${klOf(row, kind)}`)}`,
  );
  return html`<div class=scroll tabindex=0 role=region aria-label="Plans by size"><table id=budgets class=ruled><caption>KL in nats a token of plans of equal size; factor: random over by sensitivity, with its 95 % interval</caption><thead><tr>${head("Budget, bits")}<th scope=col>Verdict${head("Factor")}${head("Whole model")}${head(`KL ${KINDS.solver.name}`)}${head("KL random: mean, lowest to highest")}${shown.map((kind) => head(`KL ${KINDS[kind].name}`))}</thead><tbody>${lines(body)}</tbody></table></div>`;
}

export const wholeText = (bits: number | null): string => (bits === null ? "–" : sizeText(bits));

function klOf({ controls_by_kind }: BudgetRow, kind: RowKind): string {
  const control = controls_by_kind.get(kind);
  return control === undefined ? "–" : smallText(control.kl.value);
}
