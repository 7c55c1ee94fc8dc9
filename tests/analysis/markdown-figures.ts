/** What a sensitivity report in Markdown states in figures, whoever wrote the text around them. */
export interface MarkdownFigures {
  readonly title: string;
  /** `[name, rest of the line]` of every header line and dataset bullet, in order. */
  readonly header: readonly (readonly [string, string])[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function markdownFigures(markdown: string): MarkdownFigures {
  const lines = markdown.split("\n");
  const table = lines.filter((line) => line.startsWith("|")).map(cellsOf);
  const header = lines.flatMap((line) => {
    // A value follows the colon inside the bold; legends have their colon outside.
    const parts = /^(?:- )?\*\*([^*]+):\*\* (.+)$/.exec(line);
    return parts === null ? [] : [[parts[1] ?? "", parts[2] ?? ""] as const];
  });
  const title = lines.find((line) => line !== "") ?? "";
  return { title, header, columns: table[0] ?? [], rows: table.slice(2) };
}

function cellsOf(line: string): readonly string[] {
  return line.slice(1, -1).split("|");
}
