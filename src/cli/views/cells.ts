import type { BuildEvent } from "../../model/event.ts";
import { parentOf } from "../../model/folders.ts";
import { groupSkipped } from "../../model/skipped.ts";
import type { Plan } from "../../plan/plan.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Colours } from "../../ui/reporter.ts";
import type { Cell } from "../session/variation.ts";

/** What became of a cell, the gravest first: it is as its gravest action is. */
const GRAVITY = [
  "failed",
  "blocked",
  "unknown",
  "run",
  "ran",
  "restore",
  "restored",
  "fresh",
] as const;
type Outcome = (typeof GRAVITY)[number];

/** What a plan, or the events of a build, say of each target. */
export class Outcomes {
  readonly #byTarget = new Map<string, Outcome>();

  constructor(plan: Plan | null = null) {
    for (const { node, verdict } of plan?.actions ?? []) this.#byTarget.set(node.id, verdict);
  }

  readonly watch = (event: BuildEvent): void => {
    if (event.type === "planned") {
      for (const { target, verdict } of event.actions) this.#byTarget.set(target, verdict);
    } else if (event.type === "action_settled") this.#byTarget.set(event.target, event.verdict);
    else if (event.type === "action_failed") this.#byTarget.set(event.target, "failed");
    else if (event.type === "action_blocked") this.#byTarget.set(event.target, "blocked");
  };

  of({ actions, skipped }: Cell): Outcome | "skipped" | "nothing" {
    if (actions.length === 0 && skipped.size > 0) return "skipped";
    const all = new Set(actions.map((target) => this.#byTarget.get(target) ?? "unknown"));
    return GRAVITY.find((outcome) => all.has(outcome)) ?? "nothing";
  }
}

export const cellsJson = (cells: readonly Cell[], outcomes: Outcomes): readonly object[] =>
  cells.map((cell) => ({
    choices: Object.fromEntries(cell.choices),
    outcome: outcomes.of(cell),
    targets: cell.actions,
    skipped: Object.fromEntries(cell.skipped),
    results: cell.results,
  }));

/** Folders that are shown of one cell before the rest is only counted. */
const MOST_FOLDERS = 8;

/** One row a cell: its choices, what became of it, and the folders of its results. */
export function cellsText(cells: readonly Cell[], outcomes: Outcomes, colours: Colours): string {
  const keys = [...new Set(cells.flatMap(({ choices }) => choices.map(([key]) => key)))];
  const rows: string[][] = [[...keys, "outcome", "results"]];
  for (const cell of cells) {
    const values = new Map(cell.choices);
    const folders = [...new Set(cell.results.map((path) => `${parentOf(path) || "."}/`))];
    const shown = folders.slice(0, MOST_FOLDERS);
    shown.push(
      ...groupSkipped(cell.skipped).map(({ because, count }) => `(${count} skipped: ${because})`),
    );
    if (folders.length > MOST_FOLDERS) shown.push(`and ${folders.length - MOST_FOLDERS} more`);
    const head = [...keys.map((key) => values.get(key) ?? ""), outcomes.of(cell)];
    rows.push([...head, shown[0] ?? "(none)"]);
    for (const folder of shown.slice(1)) rows.push([...head.map(() => ""), folder]);
  }
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) =>
    row
      .map((text, column) =>
        oneLine(column < row.length - 1 ? text.padEnd(widths?.[column] ?? 0) : text),
      )
      .join("  ")
      .trimEnd(),
  );
  return [colours.bold(lines[0] ?? ""), ...lines.slice(1)].join("\n");
}
