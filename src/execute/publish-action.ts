import type { ActionNode } from "../graph/graph.ts";
import type { EmitEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import { ABSENT, type ActionRecord, type Cost, type CostScale } from "../model/record.ts";
import { err, ok, type Result } from "../model/result.ts";
import { inputBytes } from "../plan/estimate.ts";
import { inputPlace } from "../plan/inputs.ts";
import type { Judgement } from "../plan/judgement.ts";
import type { Execution, ExecutionMember, Ports, Replaced, Stage } from "../ports.ts";
import { laneOf } from "../schedule/lanes.ts";

/** Checks that no input moved while the action ran, publishes, records. A failure changes nothing. */
export async function publishAction(
  { node, judgement }: { readonly node: ActionNode; readonly judgement: Judgement },
  { stage, partial }: Pick<ExecutionMember, "stage" | "partial">,
  execution: Result<Execution, Failure>,
  scale: Pick<CostScale, "together" | "gpus">,
  ports: Ports,
  emit: EmitEvent,
): Promise<Result<Published, Failure>> {
  const { key, description } = judgement;
  if (key === null || description === null) throw new Error(`${node.id} has no key`);
  if (!execution.ok) {
    partial?.leave();
    return err(await putAway(stage, execution.error));
  }
  const moved = await movedInput(node, judgement, ports);
  if (moved === null) partial?.confirm();
  else {
    partial?.discard();
    await stage.discard();
    return err(moved);
  }
  const { cost, tools, facts } = execution.value;
  const scaled =
    laneOf(node.declaration.resources) === "light"
      ? cost
      : { ...cost, scale: { ...scale, input_bytes: inputBytes(node, ports.workspace) } };
  const record = {
    schema: 1,
    target: node.id,
    key,
    action: description,
    input_paths: Object.fromEntries(node.inputs.map((input) => [input.role, inputPlace(input)])),
    cost: scaled,
    made_on: ports.clock.today(),
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
  return ok({ record: full, cost: scaled, changed: published.value.changed });
}

export interface Published {
  readonly record: ActionRecord;
  /** Of this run; the record may be that of an earlier one: see `resultOf`. */
  readonly cost: Cost;
  readonly changed: boolean;
}

/** What a gate refused is kept for inspection. */
async function putAway(stage: Stage, failure: Failure): Promise<Failure> {
  const kept = failure.reason === "gate_failed" ? await stage.keepAside() : null;
  if (kept === null) {
    await stage.discard();
    return failure;
  }
  const nextStep = failure.nextStep ?? "Look at what the op said.";
  return { ...failure, nextStep: `${nextStep} What it wrote is kept in ${kept}.` };
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
    const found =
      (await ports.workspace.observeAgain(input)) ?? (input.optional === true ? ABSENT : null);
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
