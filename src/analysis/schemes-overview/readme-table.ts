import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { isCurrent, type SchemesOverview } from "./overview.ts";
import { cellText, type OverviewFiles } from "./overview-markdown.ts";
import { columnsOf, tableRows } from "./table-rows.ts";

export interface ReadmeFiles extends OverviewFiles {
  /** `schemes.md`. */
  readonly document: string;
}

/** The region of a model's README: the schemes that are measured, in a few columns, and where the rest is. */
export function schemesReadme(
  overview: SchemesOverview,
  files: ReadmeFiles,
  commands: readonly string[],
): string {
  const measured = overview.schemes.filter(isCurrent).length;
  const hasGoals = columnsOf(overview).some(({ key }) => key === "goal");
  const rows = tableRows(overview)
    .filter(({ kind, cells }) => kind !== "uniform" && cells.kl.value !== null)
    .map(({ kind, name, word, asked, cells: { goal, bits, predicted, found, kl, top } }) => [
      kind === "scheme" ? markdownCode(name) : markdownText(name),
      markdownText(asked),
      bits.text,
      kind === "scheme" ? predicted.text : found.text,
      markdownText(cellText(kl)),
      markdownText(cellText(top)),
      markdownText(word),
      ...(hasGoals ? [markdownText(cellText(goal))] : []),
    ]);
  const blocks = [
    `${measured} of ${overview.schemes.length} declared schemes are measured. Controls, layers and what vLLM answers: ${markdownLink(files.page, files.page)}, ${markdownLink(files.document, files.document)}.`,
    table(
      [
        "Scheme",
        "Asked for",
        "Bits",
        "Size",
        "KL (95 %)",
        "Same top token",
        "Word",
        ...(hasGoals ? ["Goal"] : []),
      ],
      rows,
    ),
    ["```sh", ...commands, "```"].join("\n"),
  ];
  return `\n${blocks.filter((block) => block !== null).join("\n\n")}\n\n`;
}
