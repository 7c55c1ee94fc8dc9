import type { MeasuredFrontier, MeasuredRecipe } from "../quality/measured-frontier.ts";
import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { answerOf } from "./answer.ts";
import { budgetRows, type BudgetRow } from "./budget-rows.ts";
import { CORRELATION_NOTE, correlationRows } from "./correlation-rows.ts";
import {
  budgetWords,
  intervalText,
  lossText,
  percentText,
  perplexityText,
  sizeText,
  smallText,
} from "./figure-text.ts";
import { comparedText, howToRead } from "./how-to-read.ts";
import { KINDS, recipeName, scopeName, type RowKind } from "./names.ts";
import { planRows } from "./plan-rows.ts";

/** Files beside the document. */
export interface QualityFiles {
  readonly page: string;
  readonly frontier: string;
  readonly predicted: string;
}

/** The text of `quality.md`: the answer, a row for each budget, recipes, correlations, pictures. */
export function qualityMarkdown(frontier: MeasuredFrontier, files: QualityFiles): string {
  const { notice, headline, points } = answerOf(frontier);
  const blocks: readonly (string | null)[] = [
    `# Measured quality of plans: ${markdownText(frontier.model)}`,
    `${markdownText(frontier.name)}, ${scopeName(frontier)}, calibrated on ${markdownText(frontier.size)}. ${markdownLink("The page", files.page)} has every plan and every figure.`,
    notice === null ? null : `> **Random weights.** ${notice}`,
    `## ${headline}`,
    points.map(({ lead, text }) => `- **${markdownText(lead)}**: ${markdownText(text)}`).join("\n"),
    `![Size against measured KL](${files.frontier})`,
    "## Plans by size",
    `KL in nats a token against the unquantized model (0 is no change), bits over the layers that may be quantized.`,
    budgetTable(frontier),
    ...recipesBlocks(frontier),
    "## Predicted score against measured KL",
    `![Predicted score against measured KL](${files.predicted})`,
    correlationTable(frontier),
    CORRELATION_NOTE,
    "## What was compared",
    markdownText(comparedText(frontier)),
    `The unquantized model has a loss of ${intervalText(frontier.reference.loss, lossText)} nats a token, a perplexity of ${intervalText(frontier.reference.perplexity, perplexityText)}.`,
    "## How to read it",
    howToRead(frontier)
      .map(({ term, means }) => `- **${term}**: ${markdownText(means)}`)
      .join("\n"),
  ];
  return `${blocks.filter((block) => block !== null).join("\n\n")}\n`;
}

const CONTROL_COLUMNS = ["inverted", "heuristic", "weight_error", "uniform"] as const;

function budgetTable(frontier: MeasuredFrontier): string | null {
  const rows = budgetRows(frontier);
  const shown = CONTROL_COLUMNS.filter((kind) =>
    rows.some((row) => row.controls_by_kind.has(kind)),
  );
  const titles = [
    "Budget, bits",
    "Whole model",
    `KL ${KINDS.solver.name}`,
    "KL random: mean (lowest to highest)",
    ...shown.map((kind) => `KL ${KINDS[kind].name}`),
    "Factor (95 %)",
    "Verdict",
  ];
  return table(
    titles,
    rows.map((row) => [
      budgetWords(row.budget),
      wholeText(row.solver.whole_model_bits),
      smallText(row.solver.kl.value),
      `${smallText(row.random.kl.value)} (${smallText(row.random.lowest)} to ${smallText(row.random.highest)})`,
      ...shown.map((kind) => klOf(row, kind)),
      intervalText(row.factor),
      `**${row.word}**${row.because === null ? "" : ` (${row.because})`}`,
    ]),
  );
}

const wholeText = (bits: number | null): string => (bits === null ? "–" : sizeText(bits));

function klOf({ controls_by_kind }: BudgetRow, kind: RowKind): string {
  const control = controls_by_kind.get(kind);
  return control === undefined ? "–" : smallText(control.kl.value);
}

function recipesBlocks(frontier: MeasuredFrontier): readonly (string | null)[] {
  const rows = planRows(frontier).filter(({ kind }) => kind === "recipe" || kind === "uniform");
  if (rows.length === 0) return [];
  const titles = [
    "One format everywhere",
    "Bits",
    "Whole model",
    "KL (95 %)",
    "Same top token",
    "KL / KL of the plan (95 %)",
    "Against the plan by sensitivity",
  ];
  return [
    "## Uniform formats and recipes",
    "Each against the largest plan by sensitivity that is no larger; above 1 the plan is better.",
    table(
      titles,
      rows.map(({ kind, measured, word, against }) => [
        kind === "recipe"
          ? `${markdownText(recipeName(measured.name))}${nameBeside(measured)}`
          : markdownCode(measured.name),
        sizeText(measured.bits),
        wholeText(measured.whole_model_bits),
        intervalText(measured.kl, smallText),
        percentText(measured.top1_agreement.value),
        against === null ? "–" : intervalText(against.factor),
        markdownText(word),
      ]),
    ),
  ];
}

const nameBeside = ({ name }: Pick<MeasuredRecipe, "name">): string =>
  recipeName(name) === name ? "" : ` (${markdownCode(name)})`;

function correlationTable(frontier: MeasuredFrontier): string | null {
  const { titles, rows } = correlationRows(frontier);
  return table(
    titles.map((title) => markdownText(title)),
    rows.map(({ what, cells }) => [markdownText(what), ...cells.map(({ text }) => text)]),
  );
}
