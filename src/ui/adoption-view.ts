import { adoptionOf } from "../model/adoption.ts";
import type { Json } from "../model/json.ts";
import type { ActionRecord } from "../model/record.ts";
import type { AdoptionRow } from "../plan/adoption-plan.ts";
import { oneLine } from "./escape.ts";
import { plural } from "./format.ts";
import type { Colours } from "./reporter.ts";

/** `adopted (consistent)` for a result from elsewhere, else nothing. */
export function adoptedText(result: ActionRecord | null): string {
  const adoption = result === null ? null : adoptionOf(result);
  return adoption === null ? "" : `adopted (${adoption.grade})`;
}

/** What was found, for which targets it stands, and what is not known or contradicts. */
export function adoptionText(
  rows: readonly AdoptionRow[],
  dryRun: boolean,
  colours: Colours,
): string {
  const lines = rows.flatMap((row) => rowLines(row, dryRun, colours));
  const count = (decision: AdoptionRow["decision"]): number =>
    rows.filter((row) => row.decision === decision).length;
  const verb = dryRun ? "to adopt" : "adopted";
  lines.push(
    `${plural(rows.length, "artifact")} found: ${count("adopt")} ${verb}, ${count("already")} adopted before, ${count("refused")} refused`,
  );
  return lines.join("\n");
}

function rowLines(row: AdoptionRow, dryRun: boolean, colours: Colours): readonly string[] {
  const grade = row.grade === null ? "" : ` (${row.grade})`;
  const word = { adopt: dryRun ? "adopt" : "adopted", already: "adopted", refused: "refused" }[
    row.decision
  ];
  const colour = row.decision === "refused" ? colours.red : colours.green;
  const lines = [`${colour(word)}${grade} ${oneLine(row.file)}`];
  const add = (name: string, text: string): void =>
    void lines.push(colours.dim(`  ${name.padEnd(12)}`) + oneLine(text));
  for (const target of row.targets) add("for", target);
  if (row.reason !== null) add("because", row.reason);
  for (const { field, declared, found } of row.contradictions) {
    add("contradicts", `${field}: declared ${shown(declared)}, found ${shown(found)}`);
  }
  for (const { file, says } of row.checks) add("beside it", `${file}: ${says}`);
  for (const unknown of row.unknown) add("unknown", unknown);
  if (row.nextStep !== null) add("next", row.nextStep);
  return lines;
}

const shown = (value: Json): string => (value === null ? "nothing" : JSON.stringify(value));

/** The same as data. */
export const adoptionJson = (rows: readonly AdoptionRow[]): object => ({
  rows: rows.map(({ work: _work, ...row }) => row),
});
