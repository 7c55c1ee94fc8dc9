import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { CONTROL_TITLES, controlRows } from "./control-rows.ts";
import { EVALUATION_TITLES, evaluationRows } from "./evaluation-rows.ts";
import { SEARCH_TITLES } from "../scheme-report/searched.ts";
import { searchRows } from "./search-rows.ts";
import { devicesOf, exportRows, missingExports } from "./export-rows.ts";
import { stateOf, type SchemesOverview } from "./overview.ts";
import { overviewTerms } from "./overview-terms.ts";
import { hasRandomWeights, overviewHeadline, overviewPoints } from "./points.ts";
import { columnsOf, tableRows, type TableCell } from "./table-rows.ts";
import { askedText } from "./scheme-words.ts";

/** Files beside the document, by their names. */
export interface OverviewFiles {
  readonly page: string;
  readonly picture: string;
}

export const RANDOM_NOTICE =
  "This model was never trained. The figures show only that measuring works, and no scheme is called proven.";

/** The text of `schemes.md`: what was found in words, the picture, then the tables. */
export function schemesOverviewMarkdown(overview: SchemesOverview, files: OverviewFiles): string {
  const open = overview.schemes.filter((shown) => shown.quality === null);
  const devices = devicesOf(overview);
  const blocks: readonly (string | null)[] = [
    `# Schemes of ${markdownText(overview.model)}`,
    hasRandomWeights(overview) ? `> **Random weights.** ${RANDOM_NOTICE}` : null,
    `## ${markdownText(overviewHeadline(overview))}`,
    overviewPoints(overview)
      .map(({ lead, text }) => `- **${markdownText(lead)}**: ${markdownText(text)}`)
      .join("\n"),
    `Per-layer decisions of all schemes side by side: ${markdownLink(files.page, files.page)}. Two of them: \`aqm diff\`.`,
    `[![Size against measured KL](${files.picture})](${files.page})`,
    "## Schemes",
    table(
      ["Scheme", "Word", "Asked for", ...columnsOf(overview).map(({ title }) => title)],
      schemeTable(overview),
    ),
    ...titled("## Searched by measurement", searchTable(overview)),
    ...titled("## Evaluated beside the unquantized model", evaluationTable(overview)),
    ...titled(
      "## Against controls of the same size",
      table(
        CONTROL_TITLES,
        controlRows(overview).map(({ name, word, cells }) => [
          markdownCode(name),
          markdownText(word),
          ...cells.map((text) => markdownText(text)),
        ]),
      ),
    ),
    ...titled(
      "## Files, and what vLLM answers",
      table(
        [
          "Scheme",
          "Word",
          "Format",
          "Tensors, predicted",
          "Tensors, in files",
          "All files",
          "Largest KL of logits",
          ...devices,
        ],
        exportRows(overview).map(
          ({ name, word, format, predicted, found, files: all, logits, answers }) => [
            markdownCode(name),
            markdownText(word),
            format,
            ...[predicted, found, all, logits, ...answers].map((text) => markdownText(text)),
          ],
        ),
      ),
    ),
    ...titled(
      "## Not exported",
      missingExports(overview).length === 0
        ? null
        : missingExports(overview)
            .map((target) => `- \`aqm build ${target}\``)
            .join("\n"),
    ),
    ...titled(
      "## Without figures",
      table(
        ["Scheme", "Asked for", "State", "What to do"],
        open.map((shown) => [
          markdownCode(shown.name),
          markdownText(askedText(shown)),
          stateOf(shown),
          shown.because === null
            ? `\`aqm build ${shown.target}/quality.json\``
            : markdownText(shown.because),
        ]),
      ),
    ),
    "## How to read it",
    overviewTerms(overview)
      .map(({ term, means }) => `- **${term}**: ${markdownText(means)}`)
      .join("\n"),
  ];
  return `${blocks.filter((block) => block !== null && block !== "").join("\n\n")}\n`;
}

const searchTable = (overview: SchemesOverview): string | null =>
  table(
    SEARCH_TITLES,
    searchRows(overview).map(([name = "", ...cells]) => [
      markdownCode(name),
      ...cells.map((text) => markdownText(text)),
    ]),
  );

const evaluationTable = (overview: SchemesOverview): string | null =>
  table(
    EVALUATION_TITLES,
    evaluationRows(overview).map(({ name, word, cells }) => [
      markdownCode(name),
      markdownText(word),
      ...cells.map((text) => markdownText(text)),
    ]),
  );

const titled = (title: string, below: string | null): readonly (string | null)[] =>
  below === null ? [] : [title, below];

const schemeTable = (overview: SchemesOverview): readonly (readonly string[])[] =>
  tableRows(overview)
    .filter(({ kind, cells }) => kind !== "scheme" || cells.kl.value !== null)
    .map(({ kind, name, word, asked, cells }) => [
      kind === "scheme" ? markdownCode(name) : markdownText(name),
      markdownText(word),
      markdownText(asked),
      ...columnsOf(overview).map(({ key }) => markdownText(cellText(cells[key]))),
    ]);

export const cellText = ({ text, below }: TableCell): string =>
  below === null ? text : `${text} (${below})`;
