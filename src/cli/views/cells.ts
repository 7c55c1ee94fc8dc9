import type { BuildEvent, CellOutcome, CellState } from "../../model/event.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Cell } from "../session/variation.ts";

/** What became of a cell, the gravest first: it is as its gravest action is. */
const GRAVITY = [
  "failed",
  "blocked",
  "edited",
  "unknown",
  "run",
  "ran",
  "restore",
  "restored",
  "fresh",
] as const satisfies readonly CellState[];
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

  of({ actions, skipped }: Cell): CellState {
    if (actions.length === 0 && skipped.size > 0) return "skipped";
    const all = new Set(actions.map((target) => this.#byTarget.get(target) ?? "unknown"));
    return GRAVITY.find((outcome) => all.has(outcome)) ?? "nothing";
  }
}

export const cellsJson = (cells: readonly Cell[], outcomes: Outcomes): readonly CellOutcome[] =>
  cells.map((cell) => ({
    choices: Object.fromEntries(cell.choices),
    outcome: outcomes.of(cell),
    targets: cell.actions,
    skipped: Object.fromEntries(cell.skipped),
    results: cell.results,
  }));
