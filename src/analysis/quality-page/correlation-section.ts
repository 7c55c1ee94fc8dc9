import { html, lines, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import {
  CORRELATION_NOTE,
  correlationRows,
  type CorrelationCell,
} from "../quality-report/correlation-rows.ts";

const WIDTH = 120;

/** Rank correlations as numbers and as dots between -1 and 1. */
export function correlationSection(frontier: MeasuredFrontier): Html {
  const { titles, rows } = correlationRows(frontier);
  const [first = "", ...columns] = titles;
  const heads = columns.map((title) => html`<th scope=col>${title}`);
  const body = rows.map(({ what, cells }) => html`<tr><th scope=row>${what}${cells.map(cell)}`);
  return html`<section id=correlation aria-labelledby=correlation-title><h2 id=correlation-title>Rank correlation by kind of module</h2>
<p class=quiet>${CORRELATION_NOTE}</p>
<div class=scroll tabindex=0 role=region aria-labelledby=correlation-title><table id=correlations class=ruled><caption>${first}; the dot stands between −1 and 1, the line at 0</caption><thead><tr><td>${heads}</thead><tbody>${lines(body)}</tbody></table></div></section>`;
}

function cell({ text, value }: CorrelationCell): Html {
  if (value === null) return html`<td><span class=quiet>${text}</span>`;
  const x = (WIDTH * (value + 1)) / 2;
  return html`<td><svg class=rank viewBox="-5 0 ${WIDTH + 10} 12" width=${WIDTH} height=12 aria-hidden=true><path class=grid d="M0 6H${WIDTH}"/><path class=axis d="M${WIDTH / 2} 1v10"/><circle class="dot on" cx="${at(x)}" cy=6 r=4 /></svg> ${text}`;
}
