import type { ActionNode } from "../graph/graph.ts";
import type { EmitEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { ActionRecord } from "../model/record.ts";
import { err, ok, type Result } from "../model/result.ts";
import { inputPlace, type Judgement } from "../plan/judge.ts";
import type { Ports, Replaced } from "../ports.ts";
import type { Lease } from "../schedule/lanes.ts";

export interface ActionRun {
  readonly node: ActionNode;
  readonly judgement: Judgement;
  readonly lease: Lease;
  readonly signal: AbortSignal;
}

/** Stage, execute, check that no input moved meanwhile, publish, record. A failure changes nothing. */
export async function runAction(
  { node, judgement, lease, signal }: ActionRun,
  ports: Ports,
  emit: EmitEvent,
): Promise<Result<{ record: ActionRecord; changed: boolean }, Failure>> {
  const { key, description } = judgement;
  if (key === null || description === null) throw new Error(`${node.id} has no key`);
  const staged = await ports.workspace.stage(node);
  if (!staged.ok) return staged;
  const stage = staged.value;
  const log = ports.executor.logPath(node) ?? "";
  const execute = (): ReturnType<typeof ports.executor.execute> =>
    ports.executor.execute({ node, lease, stage, log, emit, signal });
  let execution = await execute();
  if (!execution.ok && execution.error.reason === "device_lost" && !signal.aborted) {
    // The one failure that says nothing about the action: the device went away under it.
    emit({
      type: "action_warning",
      target: node.id,
      code: "device_lost",
      message: `${execution.error.message}; trying once more`,
    });
    await stage.discard();
    const again = await ports.workspace.stage(node);
    if (!again.ok) return again;
    execution = await execute();
  }
  if (!execution.ok) {
    if (execution.error.reason !== "gate_failed") {
      await stage.discard();
      return execution;
    }
    const kept = await stage.keepAside();
    if (kept === null) return execution;
    const nextStep = execution.error.nextStep ?? "Look at what the op said.";
    return err({ ...execution.error, nextStep: `${nextStep} What it wrote is kept in ${kept}.` });
  }
  const moved = await movedInput(node, judgement, ports);
  if (moved !== null) {
    await stage.discard();
    return err(moved);
  }
  const { cost, tools, facts } = execution.value;
  const record = {
    schema: 1,
    target: node.id,
    key,
    action: description,
    input_paths: Object.fromEntries(node.inputs.map((input) => [input.role, inputPlace(input)])),
    cost,
    tools,
    facts,
    audit: [],
  } as const;
  const published = await ports.workspace.publish({ node, stage, record });
  if (!published.ok) {
    await stage.discard();
    return published;
  }
  emitReplaced(published.value.kept, emit);
  const full = ports.workspace.record(node);
  if (full?.key !== key) throw new Error(`${node.id} was published but not recorded`);
  return ok({ record: full, changed: published.value.changed });
}

/** A person's work went aside: that must not go unsaid. */
export function emitReplaced(replaced: readonly Replaced[], emit: EmitEvent): void {
  for (const { path, kept } of replaced) {
    const message = `${path} was not as aqm had made it; what was there is kept in ${kept}`;
    emit({ type: "notice", message });
  }
}

/** The mutation guard: what the action read must still be what its key says it read. */
async function movedInput(
  node: ActionNode,
  judgement: Judgement,
  ports: Ports,
): Promise<Failure | null> {
  const code = ports.workspace.opChanged(node);
  if (code !== null) return changedMeanwhile(node, code, "The source");
  for (const input of node.inputs) {
    const wanted = judgement.description?.inputs[input.role];
    const found = await ports.workspace.observeAgain(input);
    if (found === wanted) continue;
    return changedMeanwhile(node, input.path, "The input");
  }
  return null;
}

const changedMeanwhile = (node: ActionNode, file: string, what: string): Failure => ({
  reason: "input_changed",
  message: `${what} ${file} changed while the action ran, so its result is not recorded`,
  target: node.id,
  place: { file },
  nextStep: "Run the same command again once the file is left alone.",
});
