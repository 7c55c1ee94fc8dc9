import { html, type Html } from "../page/shared/html.ts";

const MARKS: Readonly<Record<string, string>> = {
  proven: "✓",
  unproven: "○",
  "not separable": "⊘",
};

/** The word of a plan, with a sign beside it so that a column of words can be read at a glance. */
export function wordCell(word: string): Html {
  const sign = MARKS[word];
  return sign === undefined
    ? html`<td class="word quiet">${word}`
    : html`<td class="word ${word === "proven" ? "proven" : "open"}"><span aria-hidden=true>${sign}</span> ${word}`;
}
