import { LEAKED } from "../evaluation/evaluation.ts";
import { sideBySide, type Run, type SideBySide } from "../evaluation/side-by-side.ts";
import { html, lines, type Html } from "../page/shared/html.ts";
import { EVALUATION_TITLES, evaluationRows } from "../schemes-overview/evaluation-rows.ts";
import { isOfPlan } from "../schemes-overview/plan-of-figures.ts";
import type { SchemesOverview } from "../schemes-overview/overview.ts";
import { heads, region, wordOf } from "./tables.ts";

/** What schemes answer beside the unquantized model, and what they lose on the original's own data. */
export function evaluationSection(overview: SchemesOverview): Html | "" {
  const rows = evaluationRows(overview);
  if (rows.length === 0) return "";
  const table = region(
    "Evaluated schemes",
    heads(EVALUATION_TITLES),
    rows.map(
      ({ name, word, cells }) =>
        html`<tr><th scope=row>${name}${wordOf(word)}${cells.map((text) => html`<td>${text}`)}</tr>`,
    ),
  );
  return html`<p class=quiet>Leaked: ${LEAKED}.</p>${table}
<p>Answers are greedy. Marked tokens are those that the other answer lacks: after one other token, all that follows may differ and be as good.</p>
${lines(promptsOf(overview).map(promptMarkup))}`;
}

interface Prompt {
  readonly prompt: string;
  readonly image: string | null;
  /** Answer of the unquantized model. */
  readonly text: string;
  readonly answers: readonly { readonly scheme: string; readonly side: SideBySide }[];
}

/** Prompts in the order of the first evaluation; another answer of the unquantized model is a prompt of its own. */
function promptsOf({ schemes }: SchemesOverview): readonly Prompt[] {
  const prompts = new Map<string, Prompt>();
  for (const shown of schemes) {
    const { evaluation } = shown;
    if (evaluation === null) continue;
    const scheme = isOfPlan(evaluation, shown) ? shown.name : `${shown.name} (an earlier plan)`;
    for (const side of sideBySide(evaluation.answers)) {
      const text = side.unquantized.map((run) => run.text).join("");
      const { prompt, image } = side;
      const key = JSON.stringify([prompt, image, text]);
      const known = prompts.get(key) ?? { prompt, image, text, answers: [] };
      prompts.set(key, { ...known, answers: [...known.answers, { scheme, side }] });
    }
  }
  return [...prompts.values()];
}

function promptMarkup({ prompt, image, text, answers }: Prompt): Html {
  const same = answers.filter(({ side }) => side.same).length;
  const rows = answers.map(
    ({ scheme, side }) =>
      html`<tr><th scope=row>${scheme}<td>${side.first ?? "the same"}<td class=answer>${side.scheme.map(runMarkup)}</tr>`,
  );
  return html`<details class="words prompt"><summary>${image === null ? "" : html`<code>${image}</code> `}${prompt} <small>${same} of ${answers.length} schemes answer the same</small></summary>${region(
    `Answers to: ${prompt}`,
    heads(["Scheme", "First difference", "Answer"]),
    [html`<tr><th scope=row>not quantized<td>–<td class=answer>${text}</tr>`, ...rows],
  )}</details>`;
}

const runMarkup = ({ text, differs }: Run): Html =>
  differs ? html`<mark>${text}</mark>` : html`${text}`;
