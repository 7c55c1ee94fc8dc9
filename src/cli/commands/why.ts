import { availableParallelism } from "node:os";
import type { ActionNode } from "../../graph/graph.ts";
import { adoptionOf } from "../../model/adoption.ts";
import { EXIT } from "../../model/failure.ts";
import { shortDigest } from "../../model/digest.ts";
import { planCost, widthOf } from "../../plan/cost.ts";
import type { Plan, PlannedAction } from "../../plan/plan.ts";
import { oneLine } from "../../ui/escape.ts";
import { causeText } from "../../ui/format.ts";
import { adoptedText } from "../../ui/adoption-view.ts";
import { planJson } from "../../ui/plan-view.ts";
import type { Arguments } from "../language/arguments.ts";
import { foresee } from "../session/foresee.ts";
import { openAsked } from "../session/asked.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  if (args.targets.length === 0) {
    printFailures([
      {
        reason: "usage",
        message: "aqm why needs a target",
        nextStep: "Name one; `aqm list` shows them.",
      },
    ]);
    return EXIT.usage;
  }
  const session = await openAsked(args);
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const { selection, expected } = session.value;
  const width = widthOf(availableParallelism(), session.value);
  const { plan } = await foresee(session.value);
  if (args.flag("json"))
    printJson(planJson(plan, planCost(plan, expected, width), EXIT.done, selection.skipped));
  else print(whyText(plan, selection.requested));
  return EXIT.done;
}

/** Each requested target with its causes, and below them the causes of what it waits for. */
function whyText(plan: Plan, requested: ReadonlySet<ActionNode>): string {
  const byId = new Map(plan.actions.map((planned) => [planned.node.id, planned]));
  const lines: string[] = [];
  const shown = new Set<string>();
  // What nothing else that was asked for is made from comes first; the rest follows as its causes.
  const isTip = ({ node }: PlannedAction): boolean => !node.consumers.some((c) => requested.has(c));
  const asked = plan.actions.filter(({ node }) => requested.has(node));
  for (const planned of [...asked.filter(isTip), ...asked]) {
    if (!shown.has(planned.node.id)) explain(planned, byId, shown, lines);
  }
  return lines.join("\n");
}

/** What is still to be said: an action, or one of its causes. */
interface Open {
  readonly depth: number;
  readonly line?: string;
  readonly planned?: PlannedAction;
}

/** A list of what is open instead of recursion: chains may be deeper than the stack. */
function explain(
  first: PlannedAction,
  byId: ReadonlyMap<string, PlannedAction>,
  shown: Set<string>,
  lines: string[],
): void {
  const open: Open[] = [{ planned: first, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const indent = " ".repeat(4 * Math.min(next.depth, DEEPEST));
    if (next.line !== undefined) lines.push(`${indent}${next.line}`);
    if (next.planned === undefined) continue;
    const { node, causes } = next.planned;
    lines.push(`${indent}${headline(next.planned)}`);
    if (shown.has(node.id)) {
      if (causes.length > 0) lines.push(`${indent}  (see above)`);
      continue;
    }
    shown.add(node.id);
    for (const cause of [...causes].reverse()) {
      const waits = cause.kind === "waits_for" || cause.kind === "blocked_by";
      const planned = waits ? byId.get(cause.producer) : undefined;
      if (planned !== undefined) open.push({ planned, depth: next.depth + 1 });
      open.push({ line: `  because ${causeText(cause)}`, depth: next.depth });
    }
  }
}

/** Further in than this, a line has no room left for what it says. */
const DEEPEST = 20;

function headline({ node, verdict, key, result, from }: PlannedAction): string {
  const { bold, dim, cyan, green } = standardOutput.colours;
  const colour = verdict === "fresh" ? green : cyan;
  const digest = key === null ? "" : dim(` ${shortDigest(key)}`);
  const adoption = verdict === "fresh" && result !== null ? adoptionOf(result) : null;
  const adopted =
    adoption === null
      ? ""
      : ` ${adoptedText(result)}; unknown: ${oneLine(adoption.unknown.join("; "))}`;
  const shared = verdict === "restore" && from === "shared" ? " from the shared cache" : "";
  return `${colour(verdict.padEnd(8))} ${bold(oneLine(node.id))}${digest}${shared}${adopted}`;
}
