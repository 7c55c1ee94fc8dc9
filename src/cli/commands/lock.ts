import { oneLine } from "../../ui/escape.ts";
import { join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import { upstreamOf } from "../../graph/select.ts";
import { disk } from "../../host/disk/disk.ts";
import { diskFailure } from "../../host/disk/disk-failure.ts";
import { acquireFileLock } from "../../host/process/file-lock.ts";
import { findLockConflicts, type LockConflict } from "../../host/records/lock-conflicts.ts";
import { settle, type Candidate, type Settlement, type Side } from "../../keys/resolve.ts";
import { shortDigest } from "../../model/digest.ts";
import { EXIT, exitCodeOf, type Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { ActionRecord } from "../../model/record.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Knowledge } from "../../plan/knowledge.ts";
import { makePlan } from "../../plan/plan.ts";
import { causeText, plural } from "../../ui/format.ts";
import type { Arguments } from "../language/arguments.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { openSession, type Session } from "../session/session.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

interface Decision {
  readonly conflict: LockConflict;
  readonly candidates: readonly Candidate[];
  readonly settlement: Settlement;
  /** The workspace is already as it is decided; only Git does not know yet. */
  readonly done: boolean;
}

export async function run(args: Arguments): Promise<number> {
  const [verb, ...targets] = args.targets;
  if (verb !== "resolve") {
    const message = verb === undefined ? "aqm lock needs a verb" : `aqm lock cannot ${verb}`;
    const nextStep = didYouMean(verb ?? "", ["resolve"]) ?? "Write aqm lock resolve.";
    printFailures([{ reason: "usage", message, nextStep }]);
    return EXIT.usage;
  }
  const session = await openSession({ targets: targets.length > 0 ? targets : ["."] });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const check = args.flag("check");
  const decided = await resolve(session.value, targets.length === 0, check);
  if (!decided.ok) {
    printFailures([decided.error]);
    return exitCodeOf(decided.error);
  }
  const open = decided.value.filter(({ done }) => !done);
  if (args.flag("json")) printJson(decided.value.map(decisionJson));
  else print(decisionsText(decided.value, check));
  return check && open.length > 0 ? EXIT.actionFailed : EXIT.done;
}

async function resolve(
  session: Session,
  all: boolean,
  check: boolean,
): Promise<Result<readonly Decision[], Failure>> {
  const found = await findLockConflicts(session.layout);
  if (!found.ok) return found;
  const asked = new Set([...session.selection.requested].map(({ id }) => id));
  const conflicts = found.value.filter(({ target }) => all || asked.has(target));
  if (conflicts.length === 0) return ok([]);
  if (check) return ok(await decide(session, conflicts));
  const { signal, dispose } = interruptible();
  try {
    const lock = await acquireFileLock(
      join(session.layout.state, "build.lock"),
      "nothing: it settles lock records",
      (owner) => void process.stderr.write(`wait     for ${oneLine(owner)}\n`),
      signal,
    );
    if (!lock.ok) return lock;
    try {
      const decisions = await decide(session, conflicts);
      for (const decision of decisions) carryOut(session, decision);
      return ok(decisions);
    } catch (error) {
      return err(diskFailure(error, "aqm.lock"));
    } finally {
      await lock.value();
    }
  } finally {
    dispose();
  }
}

/** Producers first: what is decided of them decides what their consumers' keys are. */
async function decide(
  { selection, workspace }: Session,
  conflicts: readonly LockConflict[],
): Promise<readonly Decision[]> {
  await workspace.survey(selection.needed, () => undefined);
  const settled = new Map<string, ActionRecord | null>();
  for (const { target } of conflicts) settled.set(target, null);
  const knowledge: Knowledge = {
    observeInput: (input) => workspace.observeInput(input),
    observeOutput: (output) => workspace.observeOutput(output),
    record: (node) =>
      settled.get(node.id) ?? (settled.has(node.id) ? null : workspace.record(node)),
    trace: (node, key) => workspace.trace(node, key),
    adoptions: (node) => workspace.adoptions(node),
    everBuilt: (node) => workspace.everBuilt(node),
    learnt: (node, key) => workspace.learnt(node, key),
    kept: (digest) => workspace.kept(digest),
    regionEdit: (node, output) => workspace.regionEdit(node, output),
    opSource: workspace.opSource,
    environment: workspace.environment,
    unsupported: workspace.unsupported,
  };
  const byTarget = new Map(conflicts.map((conflict) => [conflict.target, conflict]));
  const decisions: Decision[] = [];
  for (const node of selection.needed) {
    const conflict = byTarget.get(node.id);
    if (conflict === undefined) continue;
    byTarget.delete(node.id);
    const candidates = (["here", "ours", "theirs"] as const).map((side) => {
      const record = conflict.records[side];
      settled.set(node.id, record);
      return judged(side, record, node, knowledge);
    });
    const settlement = settle(candidates);
    settled.set(node.id, settlement.keep === null ? null : settlement.record);
    decisions.push(decisionOf(conflict, candidates, settlement));
  }
  // No rule makes these any more, so there is no key that they could have.
  for (const conflict of byTarget.values()) {
    decisions.push(decisionOf(conflict, [], { keep: null, because: "none_fits" }));
  }
  return decisions;
}

/** What the plan would say if `record` were the record of this action. */
function judged(
  side: Side,
  record: ActionRecord | null,
  node: ActionNode,
  knowledge: Knowledge,
): Candidate {
  const requested = new Set([node]);
  const needed = upstreamOf(requested);
  const plan = makePlan({ requested, exact: new Set(), needed, skipped: new Map() }, knowledge);
  const planned = plan.byNode.get(node);
  const outputsHere = Object.entries(node.declaration.outputs).filter(([role, output]) => {
    const found = knowledge.observeOutput(output);
    return found.state === "present" && found.digest === record?.outputs[role]?.digest;
  }).length;
  const wanted = planned?.key ?? null;
  return { side, record, wanted, causes: planned?.causes ?? [], outputsHere };
}

function decisionOf(
  conflict: LockConflict,
  candidates: readonly Candidate[],
  settlement: Settlement,
): Decision {
  const { here } = conflict.records;
  const done =
    !conflict.marked && (settlement.keep === null ? here === null : settlement.keep === "here");
  return { conflict, candidates, settlement, done };
}

/** Both sides stay in the history: each is a true result of its key, should that be wanted again. */
function carryOut({ layout, workspace: { records, history } }: Session, decision: Decision): void {
  const { conflict, settlement } = decision;
  if (decision.done) return;
  for (const record of [conflict.records.theirs, conflict.records.ours]) {
    if (record === null) continue;
    const text = JSON.stringify(record);
    const results = history.ofKey(record.target, record.key);
    if (!results.some((other) => JSON.stringify(other) === text)) history.add(record);
  }
  if (settlement.keep === null) disk.remove(join(layout.root, conflict.file));
  else records.write(settlement.record);
}

function decisionsText(decisions: readonly Decision[], check: boolean): string {
  const open = decisions.filter(({ done }) => !done);
  const untold = decisions.length === 0 ? "" : "; tell Git with `git add --all aqm.lock`";
  if (open.length === 0) {
    return decisions.length === 0
      ? "nothing to resolve: no lock record has a merge conflict"
      : `nothing to resolve: ${plural(decisions.length, "lock record")} settled already${untold}`;
  }
  const lines = open.map((decision) => {
    const { keep } = decision.settlement;
    const word = keep === null ? "remove" : "keep";
    const verb = check ? `would ${word}` : keep === null ? "removed" : "kept";
    const what = `${verb}${keep === null ? "" : ` ${keep}`}`.padEnd(12);
    return oneLine(`${what} ${decision.conflict.target}: ${reasonText(decision)}`);
  });
  lines.push(
    check
      ? `${plural(open.length, "lock record")} in conflict; \`aqm lock resolve\` settles ${open.length === 1 ? "it" : "them"}`
      : `settled ${plural(open.length, "lock record")}${untold}`,
  );
  return lines.join("\n");
}

function reasonText({ settlement, candidates, conflict }: Decision): string {
  if (settlement.keep !== null) {
    const key = shortDigest(settlement.record.key);
    switch (settlement.because) {
      case "only_fit":
        return `its key ${key} is the one that this workspace asks for`;
      case "outputs_here":
        return `both sides fit what this workspace asks for, and its outputs are the ones that are here`;
      case "same_result":
        return `both sides have the key ${key} that this workspace asks for, and the same outputs`;
      case "first":
        return `both sides have the key ${key} that this workspace asks for, and the outputs of neither are here`;
    }
  }
  if (candidates.length === 0) return "no rule makes it any more";
  const next = `so it counts as never built; \`aqm build ${conflict.target}\` makes it`;
  if (settlement.because === "ambiguous") {
    return `either side could be true, because not all of its inputs are here, ${next}`;
  }
  const sides = candidates.flatMap((candidate) =>
    candidate.side === "here" ? [] : [`${candidate.side}: ${whyNot(candidate)}`],
  );
  return `neither side is what this workspace asks for (${sides.join("; ")}), ${next}`;
}

function whyNot({ record, causes }: Candidate): string {
  if (record === null) return "has no whole record";
  return causes.map(causeText).join(", ") || "its key differs";
}

const decisionJson = (decision: Decision): object => ({
  target: decision.conflict.target,
  file: decision.conflict.file,
  kept: decision.settlement.keep,
  because: decision.settlement.because,
  reason: reasonText(decision),
  settled_before: decision.done,
});
