import type { ActionNode } from "../../graph/graph.ts";
import { turn } from "../../host/process/turn.ts";
import { EXIT, type Failure } from "../../model/failure.ts";
import type { ActionRecord } from "../../model/record.ts";
import type { Lacking } from "../../plan/lacking.ts";
import type { Arguments } from "../language/arguments.ts";
import { openAsked } from "../session/asked.ts";
import { withBuildLock } from "../session/build-lock.ts";
import { damagedRecords } from "../session/damaged.ts";
import { isInGit } from "../session/in-git.ts";
import { recovered } from "../session/recovered.ts";
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
    return restore(session.value, args, [], null);
  }
  return withBuildLock(session.value.layout, "aqm restore", (signal) =>
    recovered(session.value, (notices) => restore(session.value, args, notices, signal)),
  );
}

/**
 * Puts back what can be put back, and says so; exit code 1 where something is still not as recorded. What was put back
 * before a signal stays, and is said.
 */
async function restore(
  session: Session,
  args: Arguments,
  notices: readonly string[],
  signal: AbortSignal | null,
): Promise<number> {
  const { selection, workspace } = session;
  const nodes = [...selection.requested].sort((a, b) => a.index - b.index);
  const damaged = damagedRecords(workspace, nodes);
  const answer: RestoreAnswer = {
    restored: [],
    inPlace: 0,
    kept: [],
    left: [],
    neverBuilt: 0,
    notices: [...notices],
  };
  // Records say what the outputs are, so inputs, which may be big checkpoints, are not read.
  const withoutInputs = nodes.map((node) => ({ ...node, inputs: [] }));
  const notice = (text: string): void => void answer.notices.push(text);
  await workspace.survey(
    withoutInputs,
    (event) => {
      if (event.type === "notice") notice(event.message);
    },
    signal ?? undefined,
  );
  await workspace.learn(nodes.flatMap((node) => lackingHere(workspace, node) ?? []));
  for (const node of nodes) {
    await turn();
    if (signal?.aborted === true) break;
    const record = workspace.record(node);
    if (record !== null) await restoreOne(session, node, record, args, answer);
    else if (damaged.has(node.id)) answer.left.push({ path: node.id, why: DAMAGED });
    else if (isExact(node, selection.exact)) answer.left.push({ path: node.id, why: NO_RECORD });
    else answer.neverBuilt += 1;
  }
  await workspace.close();
  workspace.shared?.close();
  const exitCode = answer.left.length === 0 ? EXIT.done : EXIT.actionFailed;
  const dryRun = args.flag("dry-run");
  if (args.flag("json")) printJson(restoredJson(answer, exitCode));
  else print(restoredText(answer, dryRun, standardOutput.colours));
  return exitCode;
}

/** What the shared cache is asked for: a recorded result with an output that is neither in place nor in the store. */
function lackingHere(workspace: Session["workspace"], node: ActionNode): Lacking | null {
  const record = workspace.record(node);
  const lacks = Object.entries(node.declaration.outputs).some(([role, output]) => {
    const recorded = record?.outputs[role]?.digest;
    const found = workspace.observeOutput(output);
    const inPlace = found.state === "present" && found.digest === recorded;
    return recorded !== undefined && !inPlace && workspace.kept(recorded) === null;
  });
  return record !== null && lacks ? { node, key: record.key } : null;
}

const NO_RECORD = "no record names its outputs; `aqm build` makes them";
const DAMAGED =
  "its record cannot be read; take the record from Git again, or `aqm build` makes both";

const isExact = ({ declaration }: ActionNode, exact: ReadonlySet<string>): boolean =>
  Object.values(declaration.outputs).some(({ path }) => exact.has(path));

/** The outputs of one action, all of them or none: they are published together. */
async function restoreOne(
  { workspace, layout }: Session,
  node: ActionNode,
  record: ActionRecord,
  args: Arguments,
  answer: RestoreAnswer,
): Promise<void> {
  const due: string[] = [];
  const notHad = new Set<string>();
  let edited: string | null = null;
  for (const [role, output] of Object.entries(node.declaration.outputs)) {
    const { path } = output;
    const found = workspace.observeOutput(output);
    const recorded = record.outputs[role]?.digest;
    if (recorded === undefined) answer.left.push({ path, why: NO_RECORD });
    else if (found.state === "present" && found.digest === recorded) answer.inPlace += 1;
    else if (workspace.kept(recorded) === null) {
      notHad.add(path);
      const inGit = await isInGit(layout.root, output, recorded);
      answer.left.push({ path, why: inGit ? inGitText(path) : NOT_STORED });
    } else {
      due.push(path);
      if (workspace.regionEdit(node, output) === "left") edited ??= path;
    }
  }
  if (due.length === 0) return;
  if (edited !== null) {
    const why = `the region ${edited} was edited by hand; \`aqm restore --force\` fills it again`;
    for (const path of due) answer.left.push({ path, why });
    return;
  }
  if (!args.flag("dry-run")) {
    const restored = await workspace.restore(node, record, notHad);
    if (!restored.ok) {
      for (const path of due) answer.left.push({ path, why: failureLine(restored.error) });
      return;
    }
    answer.kept.push(...restored.value);
  }
  answer.restored.push(...due);
}

/** Message, cause and next step, each a sentence. */
const failureLine = ({ message, cause = "", nextStep = "" }: Failure): string =>
  [message, cause, nextStep].flatMap((text) => text.trim().replace(/\.$/, "") || []).join(". ");

const NOT_STORED = "the store of this machine does not have it; `aqm build` makes it again";
const inGitText = (path: string): string =>
  `the store of this machine does not have it, and Git has it: \`git checkout HEAD -- ${inShell(path)}\``;
const inShell = (path: string): string =>
  /^[\w./=@%+,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
