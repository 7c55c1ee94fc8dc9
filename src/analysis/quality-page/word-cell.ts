import { html, type Html } from "../page/shared/html.ts";

const MARKS: Readonly<Record<string, string>> = {
  proven: "✓",
  unproven: "○",
  "not separable": "⊘",
};

/** The word of a plan and what decided it where the figures did not, with a sign beside it so that a column of words can be read at a glance. */
export function wordCell({
  word,
  because,
}: {
  readonly word: string;
  readonly because: string | null;
}): Html {
  const sign = MARKS[word];
  const why = because === null ? "" : html`<small>${because}</small>`;
  return sign === undefined
    ? html`<td class="word quiet">${word}${why}`
    : html`<td class="word ${word === "proven" ? "proven" : "open"}"><span aria-hidden=true>${sign}</span> ${word}${why}`;
}
