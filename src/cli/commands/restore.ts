import type { ActionNode } from "../../graph/graph.ts";
import { EXIT } from "../../model/failure.ts";
import type { ActionRecord } from "../../model/record.ts";
import type { Arguments } from "../language/arguments.ts";
import { openAsked } from "../session/asked.ts";
import { withBuildLock } from "../session/build-lock.ts";
import type { Session } from "../session/session.ts";
import { printFailures, printJson, print, standardOutput } from "../terminal/terminal.ts";
import { restoredJson, restoredText, type RestoreAnswer } from "../views/restored.ts";

export async function run(args: Arguments): Promise<number> {
  const targets = args.targets.length > 0 ? args.targets : ["."];
  const session = await openAsked(args, { targets, force: args.flag("force") });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  if (args.flag("dry-run")) {
    await session.value.workspace.foresee();
    return restore(session.value, args);
  }
  return withBuildLock(session.value.layout, "aqm restore", async () => {
    await session.value.workspace.recover();
    return restore(session.value, args);
  });
}

/** Puts back what can be put back, and says so; exit code 1 where something is still not as recorded. */
async function restore(session: Session, args: Arguments): Promise<number> {
  const { selection, workspace } = session;
  const nodes = [...selection.requested].sort((a, b) => a.index - b.index);
  // Records say what the outputs are, so inputs, which may be big checkpoints, are not read.
  const withoutInputs = nodes.map((node) => ({ ...node, inputs: [] }));
  await workspace.survey(withoutInputs, () => undefined);
  const answer: RestoreAnswer = { restored: [], inPlace: 0, kept: [], left: [], neverBuilt: 0 };
  for (const node of nodes) {
    const record = workspace.record(node);
    if (record !== null) await restoreOne(session, node, record, args, answer);
    else if (isExact(node, selection.exact)) answer.left.push({ path: node.id, why: NO_RECORD });
    else answer.neverBuilt += 1;
  }
  await workspace.close();
  const exitCode = answer.left.length === 0 ? EXIT.done : EXIT.actionFailed;
  const dryRun = args.flag("dry-run");
  if (args.flag("json")) printJson(restoredJson(answer, exitCode));
  else print(restoredText(answer, dryRun, standardOutput.colours));
  return exitCode;
}

const NO_RECORD = "no record names its outputs; `aqm build` makes them";

const isExact = ({ declaration }: ActionNode, exact: ReadonlySet<string>): boolean =>
  Object.values(declaration.outputs).some(({ path }) => exact.has(path));

/** The outputs of one action, all of them or none: they are published together. */
async function restoreOne(
  { workspace }: Session,
  node: ActionNode,
  record: ActionRecord,
  args: Arguments,
  answer: RestoreAnswer,
): Promise<void> {
  const due: string[] = [];
  for (const [role, output] of Object.entries(node.declaration.outputs)) {
    const { path } = output;
    const found = workspace.observeOutput(output);
    const recorded = record.outputs[role]?.digest;
    if (recorded === undefined) answer.left.push({ path, why: NO_RECORD });
    else if (found.state === "present" && found.digest === recorded) answer.inPlace += 1;
    else if (!workspace.inStore(recorded)) answer.left.push({ path, why: NOT_STORED });
    else if (workspace.regionEdit(node, output) === "left")
      answer.left.push({ path, why: "the region was edited by hand; --force fills it again" });
    else due.push(path);
  }
  if (due.length === 0) return;
  if (!args.flag("dry-run")) {
    const restored = await workspace.restore(node, record);
    if (!restored.ok) {
      const { message, nextStep = "" } = restored.error;
      for (const path of due) answer.left.push({ path, why: `${message}. ${nextStep}`.trim() });
      return;
    }
    answer.kept.push(...restored.value);
  }
  answer.restored.push(...due);
}

const NOT_STORED = "the store of this machine does not have it; `aqm build` makes it again";
