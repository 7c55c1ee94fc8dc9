import type { ActionNode } from "../../graph/graph.ts";
import { EXIT } from "../../model/failure.ts";
import { shortDigest } from "../../model/digest.ts";
import { planCost } from "../../plan/cost.ts";
import { makePlan, type Plan, type PlannedAction } from "../../plan/plan.ts";
import { causeText } from "../../ui/format.ts";
import { planJson } from "../../ui/plan-view.ts";
import type { Arguments } from "../arguments.ts";
import { openSession } from "../session.ts";
import { print, printFailures, printJson, standardOutput } from "../terminal.ts";

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
  const session = await openSession({ targets: args.targets });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const { selection, workspace, expected } = session.value;
  await workspace.survey(selection.needed, () => undefined);
  const plan = makePlan(selection, workspace);
  await workspace.close();
  if (args.flag("json")) printJson(planJson(plan, planCost(plan, expected), EXIT.done));
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
    if (!shown.has(planned.node.id)) lines.push(...explain(planned, byId, "", shown));
  }
  return lines.join("\n");
}

function explain(
  planned: PlannedAction,
  byId: ReadonlyMap<string, PlannedAction>,
  indent: string,
  shown: Set<string>,
): readonly string[] {
  const { node, verdict, causes, key } = planned;
  const { bold, dim, cyan, green } = standardOutput.colours;
  const colour = verdict === "fresh" ? green : cyan;
  const lines = [
    `${indent}${colour(verdict.padEnd(8))} ${bold(node.id)}${key === null ? "" : dim(` ${shortDigest(key)}`)}`,
  ];
  if (shown.has(node.id)) return causes.length > 0 ? [...lines, `${indent}  (see above)`] : lines;
  shown.add(node.id);
  for (const cause of causes) {
    lines.push(`${indent}  because ${causeText(cause)}`);
    const next =
      cause.kind === "waits_for" || cause.kind === "blocked_by"
        ? byId.get(cause.producer)
        : undefined;
    if (next !== undefined) lines.push(...explain(next, byId, `${indent}    `, shown));
  }
  return lines;
}
