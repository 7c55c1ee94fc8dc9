import type { ActionNode } from "../../src/graph/graph.ts";
import { EXIT } from "../../src/model/failure.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { digestOf } from "../engine/support/content.ts";
import type { MemoryWorkspace } from "../engine/support/memory.ts";
import { digestThere, present } from "./outputs.ts";
import type { Built } from "./play.ts";
import { mayRefuse } from "./words.ts";

/* Whether a build did what it should: no more than needed, what the plan said, and for a reason. */

/** P2: nothing runs twice, and what runs has another key than before or lost an output for good. */
export function minimal(built: Built, count: () => void): readonly string[] {
  const { executed, outcome, meddled, damaged, before, after, graph } = built;
  const twice = executed.filter((id, n) => executed.indexOf(id) < n);
  const inVain = graph.actions.filter(({ id }) => twice.includes(id)).filter(unlessUnsteady(built));
  if (inVain.length > 0) return [`ran twice: ${executed.join(" ")}`];
  if (outcome.exitCode !== EXIT.done || meddled || damaged) return [];
  const problems: string[] = [];
  for (const node of graph.actions.filter(({ id }) => executed.includes(id))) {
    count();
    const key = after.record(node)?.key;
    if (key === undefined) continue;
    const last = before.record(node);
    const known = last?.key === key ? last : before.trace(node, key);
    if (known === null || lost(node, known, built).length > 0) continue;
    problems.push(`${node.id} ran for nothing`);
  }
  return problems;
}

/**
 * What comes back for another's sake, and is something else this time, is news to whoever had read it before:
 * that one could not have waited, where the other waited for it.
 */
const unlessUnsteady =
  ({ executed, project }: Built) =>
  ({ inputs }: ActionNode): boolean =>
    !inputs.some(({ producer }) => {
      const id = producer?.action.id ?? "";
      return executed.includes(id) && !project.isSteady(id);
    });

/** Outputs of a known result that are needed, and neither in the workspace nor in the store. */
function lost(node: ActionNode, known: ActionRecord, built: Built): readonly string[] {
  const { before, selection, executed } = built;
  return Object.entries(node.declaration.outputs).flatMap(([role, output]) => {
    const digest = known.outputs[role]?.digest;
    const here = present(before, output);
    if (digest === undefined || before.kept(digest) !== null) return [];
    if (here !== null && digestOf(here) === digest) return [];
    const needed =
      output.keep === "committed" ||
      here !== null ||
      selection.exact.has(output.path) ||
      node.consumers.some(({ id }) => executed.includes(id)) ||
      isMissed(node, before);
    return needed ? [output.path] : [];
  });
}

/**
 * Whether somebody counts on an optional output not being there. What comes back for another's sake changes
 * what that one reads, and may so turn out to have been needed by nobody: no plan can know.
 */
const isMissed = (node: ActionNode, before: MemoryWorkspace): boolean =>
  node.consumers.some(({ inputs }) =>
    inputs.some(
      (input) =>
        input.optional === true &&
        input.producer?.action === node &&
        present(before, input) === null,
    ),
  );

/** P2: the same build once more does nothing. */
export function settled({ executed, restored, outcome, expected }: Built, count: () => void) {
  count();
  const did = [...executed, ...restored];
  if (outcome.exitCode !== EXIT.done) return ["the second build fails"];
  if (did.length > 0) return [`the second build makes ${did.join(" ")} again`];
  const stale = expected.actions.filter(({ verdict }) => verdict !== "fresh");
  return stale.map(({ node }) => `${node.id} is not fresh after a build`);
}

/** P3: what read the same as before, and is whole, does not run, whatever ran before it. */
export function cutOff(built: Built, count: () => void): readonly string[] {
  const { graph, executed, before, after, meddled } = built;
  if (meddled) return [];
  return graph.actions.flatMap((node) => {
    const record = before.record(node);
    if (record === null || !sameAction(node, record, before, after)) return [];
    const whole = Object.entries(node.declaration.outputs).every(([role, output]) => {
      const found = present(before, output);
      return found !== null && record.outputs[role]?.digest === digestOf(found);
    });
    if (!whole) return [];
    if (node.inputs.some(({ producer }) => executed.includes(producer?.action.id ?? ""))) count();
    return executed.includes(node.id)
      ? [`${node.id} ran although nothing that it reads changed`]
      : [];
  });
}

function sameAction(
  node: ActionNode,
  { action }: ActionRecord,
  before: MemoryWorkspace,
  after: MemoryWorkspace,
): boolean {
  const sameInputs = node.inputs.every((input) => {
    const found = digestThere(after, input);
    return (found !== "absent" || input.optional === true) && action.inputs[input.role] === found;
  });
  const sameParams = JSON.stringify(action.params) === JSON.stringify(node.declaration.params);
  return sameInputs && sameParams && action.op.version === before.opSource(node).version;
}

/** P4: a build does what the plan says, apart from what that calls unknown. */
export function asPlanned(built: Built, count: () => void): readonly string[] {
  const { expected, executed, restored, outcome, meddled, damaged } = built;
  if (meddled || damaged) return [];
  const whole = outcome.exitCode === EXIT.done;
  const failed = new Set(built.events.flatMap((e) => (e.type === "action_failed" ? e.target : [])));
  return expected.actions.flatMap(({ node, verdict }) => {
    const { id } = node;
    if (verdict === "unknown" || doesWithoutFailed(node, failed)) return [];
    count();
    const did = executed.includes(id) ? "run" : restored.includes(id) ? "restore" : "fresh";
    // A build that ended early did less, but nothing else.
    if (did === verdict || (!whole && did === "fresh")) return [];
    return [`${id} was planned as ${verdict}; in fact: ${did}`];
  });
}

/** No plan knows of a failure to come; who takes what failed only if it is there does without it then. */
const doesWithoutFailed = ({ inputs }: ActionNode, failed: ReadonlySet<string>): boolean =>
  inputs.some(
    ({ optional = false, producer }) =>
      producer !== null &&
      ((optional && failed.has(producer.action.id)) || doesWithoutFailed(producer.action, failed)),
  );

/** P4: two plans of the same workspace say the same. */
export function samePlan(expected: Plan, plan: Plan): readonly string[] {
  const verdicts = new Map<string, Verdict>(
    plan.actions.map(({ node, verdict }) => [node.id, verdict]),
  );
  return expected.actions.flatMap(({ node: { id }, verdict }) =>
    verdicts.get(id) === verdict
      ? []
      : [`${id} is ${verdict}, but the plan says ${verdicts.get(id) ?? "nothing"}`],
  );
}

/** P5: whatever is not fresh has a cause, and what is fresh has none. */
export function caused({ events }: Built, count: () => void): readonly string[] {
  const problems: string[] = [];
  for (const event of events) {
    if (event.type === "action_started" && event.causes.length === 0)
      problems.push(`${event.target} runs without a cause`);
    if (event.type !== "planned") continue;
    for (const { target, verdict, causes } of event.actions) {
      if (verdict !== "fresh") count();
      if (causes.length > 0 === (verdict === "fresh"))
        problems.push(`${target} is ${verdict} with ${causes.length} causes`);
    }
  }
  return problems;
}

/** A build fails only for a reason, says so by its exit code, and records all when it does not. */
export function explained(built: Built, count: () => void): readonly string[] {
  const { events, outcome, cancelled, meddled, project, before, selection, after } = built;
  count();
  const ends = new Map<string, string>();
  const problems: string[] = [];
  for (const event of events) {
    if (event.type === "action_settled") ends.set(event.target, "settled");
    if (event.type === "action_failed") ends.set(event.target, "failed");
    if (event.type === "action_blocked") ends.set(event.target, "blocked");
    if (meddled || cancelled) continue;
    if (
      event.type === "action_failed" &&
      !project.isBroken(event.target) &&
      !selection.needed.some(
        (node) => node.id === event.target && mayRefuse(node, event.failure.reason, built),
      )
    )
      problems.push(`${event.target} failed: ${event.failure.message}`);
    if (event.type === "action_blocked") {
      const excuse = event.causes.some(
        (cause) =>
          cause.kind === "blocked_by" ||
          ((cause.kind === "input_missing" || cause.kind === "input_unreadable") &&
            !before.files.has(cause.path)),
      );
      if (!excuse) problems.push(`${event.target} is blocked by nothing`);
    }
  }
  const bad = [...ends.values()].some((end) => end !== "settled");
  const code =
    cancelled && outcome.exitCode === EXIT.interrupted
      ? EXIT.interrupted
      : bad
        ? EXIT.actionFailed
        : EXIT.done;
  if (outcome.exitCode !== code) problems.push(`exit code ${outcome.exitCode} instead of ${code}`);
  if (outcome.exitCode === EXIT.done) {
    for (const node of selection.needed)
      if (after.record(node) === null) problems.push(`${node.id} has no record`);
  }
  return problems;
}
