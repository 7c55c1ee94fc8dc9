import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { scopeTables } from "../text/scope-tables.ts";
import { isCurrent, type SchemesOverview } from "./overview.ts";
import { cellText, type OverviewFiles } from "./overview-markdown.ts";
import { columnsOf, tableRows, type TableRow } from "./table-rows.ts";

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
  const rows = tableRows(overview).filter(
    ({ kind, cells }) => kind !== "uniform" && cells.kl.value !== null,
  );
  const cellsOf = ({ kind, name, word, asked, cells }: TableRow): readonly string[] => [
    kind === "scheme" ? markdownCode(name) : markdownText(name),
    markdownText(asked),
    cells.bits.text,
    kind === "scheme" ? cells.predicted.text : cells.found.text,
    markdownText(cellText(cells.kl)),
    markdownText(cellText(cells.top)),
    markdownText(word),
    ...(hasGoals ? [markdownText(cellText(cells.goal))] : []),
  ];
  const titles = ["Scheme", "Asked for", "Bits", "Size", "KL (95 %)", "Same top token", "Word"];
  const heads = [...titles, ...(hasGoals ? ["Goal"] : [])];
  const blocks = [
    `${measured} of ${overview.schemes.length} declared schemes are measured. Controls, layers and what vLLM answers: ${markdownLink(files.page, files.page)}, ${markdownLink(files.document, files.document)}.`,
    scopeTables(rows, (some) => table(heads, some.map(cellsOf)), bitsOf),
    ["```sh", ...commands, "```"].join("\n"),
  ];
  return `\n${blocks.filter((block) => block !== "").join("\n\n")}\n\n`;
}

const bitsOf = (scope: string): string =>
  `Bits are per weight of ${scope === "lm" ? "the language layers" : "these layers"}; sizes are of the whole checkpoint.`;
