import type { ActionNode } from "../graph/graph.ts";
import type { Selection } from "../graph/select.ts";
import type { EmitEvent, GpuTime } from "../model/event.ts";
import type { Cause } from "../model/verdict.ts";
import { EXIT, exitCodeOf, interruptionCode, type Failure } from "../model/failure.ts";
import type { Cost } from "../model/record.ts";
import type { SkippedGroup } from "../model/skipped.ts";
import { digestFor, judge, sourceState } from "../plan/judge.ts";
import type { InputState, Judgement } from "../plan/judgement.ts";
import { overBudget } from "../plan/budget.ts";
import { planCost, type PlanCost } from "../plan/cost.ts";
import type { EstimateCost } from "../plan/estimate.ts";
import { makePlan, type Plan } from "../plan/plan.ts";
import type { Ports } from "../ports.ts";
import { Schedule, type Command, type Job, type ScheduleEvent } from "../schedule/schedule.ts";
import {
  announceJob,
  batchOf,
  comparableNotice,
  gpuTime,
  plannedEvent,
  predicted,
} from "./announce.ts";
import { emitReplaced } from "./publish-action.ts";
import { runJob } from "./run-job.ts";

export interface BuildRequest {
  readonly selection: Selection;
  readonly targets: readonly string[];
  readonly jobs: number;
  readonly gpus: readonly string[];
  readonly keepGoing: boolean;
  readonly expected: EstimateCost;
  /** Nothing runs if it may take more. */
  readonly maxGpuHours?: number | undefined;
  /** Actions that must not start even if they are stale, e.g. GPU work while watching. */
  readonly hold?: (node: ActionNode) => boolean;
  readonly signal: AbortSignal;
  /** Actions that are known to be fresh and not part of the selection. */
  readonly untouched?: number;
  /** What was asked for and is not made. */
  readonly skipped?: readonly SkippedGroup[];
}

export interface BuildOutcome {
  readonly exitCode: number;
  readonly failures: readonly Failure[];
  readonly plan: Plan | null;
}

/** Builds a selection: survey, plan, then events and commands until nothing is left to do. */
export async function runBuild(
  request: BuildRequest,
  ports: Ports,
  emit: EmitEvent,
): Promise<BuildOutcome> {
  const started = ports.clock.now();
  const purpose = request.targets.join(" ") || "the default targets";
  const lock = await ports.lock.acquire(
    purpose,
    (owner) => emit({ type: "waiting_for_lock", owner, path: purpose }),
    request.signal,
  );
  if (!lock.ok) {
    emit({ type: "failure", failure: lock.error });
    const exitCode = request.signal.aborted
      ? interruptionCode(request.signal)
      : exitCodeOf(lock.error);
    return { exitCode, failures: [lock.error], plan: null };
  }
  try {
    return await new Build(request, ports, emit, started).run();
  } finally {
    await ports.workspace.close();
    await lock.value();
  }
}

class Build {
  readonly #request: BuildRequest;
  readonly #ports: Ports;
  readonly #emit: EmitEvent;
  readonly #started: number;
  readonly #settled = new Map<ActionNode, Judgement>();
  readonly #failures: Failure[] = [];
  #planned: Plan["byNode"] = new Map();
  readonly #counts = { ran: 0, restored: 0, fresh: 0, failed: 0, blocked: 0 };
  readonly #stop = new AbortController();
  #gpuSeconds = 0;

  constructor(request: BuildRequest, ports: Ports, emit: EmitEvent, started: number) {
    this.#request = request;
    this.#ports = ports;
    this.#emit = emit;
    this.#started = started;
    this.#counts.fresh = request.untouched ?? 0;
  }

  async run(): Promise<BuildOutcome> {
    const { selection, targets, jobs, gpus } = this.#request;
    this.#emit({ type: "build_started", targets, jobs, gpus });
    const { skipped = [] } = this.#request;
    if (skipped.length > 0) this.#emit({ type: "skipped", groups: skipped });
    const recovered = await this.#ports.workspace.recover();
    if (!recovered.ok) return this.#finish("failed", recovered.error, null);
    for (const target of recovered.value.given_up) {
      this.#emit({
        type: "notice",
        message: `publishing ${target} was interrupted and could not be finished; it is made again`,
      });
    }
    for (const target of recovered.value.finished) {
      this.#emit({
        type: "notice",
        message: `finished publishing ${target}, which was interrupted`,
      });
    }
    const { signal } = this.#request;
    await this.#ports.workspace.survey(selection.needed, this.#emit, signal);
    if (signal.aborted) return this.#finish("interrupted", null, null);
    const plan = makePlan(selection, this.#ports.workspace);
    this.#planned = plan.byNode;
    const comparable = comparableNotice(plan, this.#ports.workspace);
    if (comparable !== null) this.#emit(comparable);
    if (plan.actions.every(({ verdict }) => verdict === "fresh")) {
      this.#emit(plannedEvent(plan, this.#request.expected, null));
      this.#counts.fresh += plan.actions.length;
      return this.#finish("done", null, plan);
    }
    const { expected, maxGpuHours } = this.#request;
    const cost = planCost(plan, expected, { jobs, gpus: gpus.length });
    this.#emit(plannedEvent(plan, expected, predicted(cost)));
    const refused = maxGpuHours === undefined ? null : overBudget(cost, maxGpuHours);
    if (refused !== null) return this.#finish("failed", refused, plan);
    await this.#drive(plan);
    if (this.#request.signal.aborted) return this.#finish("interrupted", null, plan, cost);
    // What is held back is a debt, not a failure.
    const held = this.#request.hold !== undefined;
    const bad = this.#failures.length > 0 || (this.#counts.blocked > 0 && !held);
    return this.#finish(bad ? "failed" : "done", null, plan, cost);
  }

  #drive(plan: Plan): Promise<void> {
    const { jobs, gpus, keepGoing, signal } = this.#request;
    const nodes = plan.actions.map(({ node }) => node);
    const schedule = new Schedule(nodes, {
      jobs,
      gpus,
      keepGoing,
      demanded: plan.demanded,
    });
    return new Promise<void>((resolve, reject) => {
      const inbox: ScheduleEvent[] = [];
      let draining = false;
      const send = (event: ScheduleEvent): void => {
        inbox.push(event);
        if (draining) return;
        draining = true;
        try {
          for (const next of inbox) {
            for (const command of schedule.handle(next)) this.#perform(command, plan, send, reject);
          }
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error))); // a broken invariant must end the build, not hang it
        }
        inbox.length = 0;
        draining = false;
        if (schedule.finished) {
          signal.removeEventListener("abort", cancel);
          resolve();
        }
      };
      const cancel = (): void => send({ type: "cancel" });
      signal.addEventListener("abort", cancel, { once: true });
      send(signal.aborted ? { type: "cancel" } : { type: "begin" });
    });
  }

  #perform(
    command: Command,
    plan: Plan,
    send: (event: ScheduleEvent) => void,
    reject: (error: unknown) => void,
  ): void {
    switch (command.type) {
      case "judge": {
        const judgement = this.#judge(command.node, command.demandedBy);
        if (judgement.verdict === "fresh")
          this.#settle(command.node, judgement, "fresh", false, null);
        send({ type: "judged", node: command.node, judgement });
        return;
      }
      case "restore":
        this.#restore(command.node, command.judgement).then(send, reject);
        return;
      case "run":
        this.#run(command.job, plan, send).then(send, reject);
        return;
      case "report_blocked":
        if (this.#request.signal.aborted) return; // stopped, not stuck
        this.#counts.blocked += 1;
        this.#emit({ type: "action_blocked", target: command.node.id, causes: command.causes });
        return;
      case "stop_running":
        this.#stop.abort();
        return;
    }
  }

  #judge(node: ActionNode, demandedBy: string | null): Judgement {
    const { workspace } = this.#ports;
    const inputs = new Map<string, InputState>();
    for (const input of node.inputs) {
      if (input.producer === null) {
        inputs.set(input.role, sourceState(node, input, workspace));
        continue;
      }
      const producer = this.#settled.get(input.producer.action);
      if (input.optional === true && producer?.absent.has(input.path) !== false) {
        inputs.set(input.role, sourceState(node, input, workspace));
        continue;
      }
      if (producer === undefined && !this.#planned.has(input.producer.action)) {
        // Not part of this build, because a result from elsewhere stood for it until now.
        const cause: Cause = { kind: "waits_for", producer: input.producer.action.id };
        inputs.set(input.role, { state: "blocked", cause });
        continue;
      }
      const digest = digestFor(input, producer?.result);
      if (digest === undefined) throw new Error(`${node.id} was judged before ${input.path}`);
      const present = producer?.absent.has(input.path) !== true;
      inputs.set(input.role, { state: "known", digest, present });
    }
    const demand = { consumer: demandedBy, exact: this.#request.selection.exact };
    const judgement = judge(node, inputs, demand, workspace);
    if (judgement.verdict === "run" && this.#request.hold?.(node) === true) {
      return { ...judgement, verdict: "blocked", causes: [...judgement.causes, { kind: "held" }] };
    }
    return judgement;
  }

  async #restore(node: ActionNode, judgement: Judgement): Promise<ScheduleEvent> {
    const { result } = judgement;
    if (result === null) throw new Error(`${node.id} has nothing to restore`);
    const restored = await this.#ports.workspace.restore(node, result);
    if (!restored.ok) {
      if (restored.error.reason !== "state_damaged") return this.#failed(node, restored.error);
      this.#emit({ type: "notice", message: `${restored.error.message}; it is made anew` });
      return { type: "not_restored", node };
    }
    emitReplaced(restored.value, this.#emit);
    this.#counts.restored += 1;
    this.#settle(node, { ...judgement, result }, "restored", true, null);
    return { type: "succeeded", node, changed: true };
  }

  async #run(job: Job, plan: Plan, send: (event: ScheduleEvent) => void): Promise<ScheduleEvent> {
    const batch = batchOf(job);
    const { executor } = this.#ports;
    for (const event of announceJob(job, plan, this.#request.expected, executor)) this.#emit(event);
    const { signal } = this.#stop;
    await runJob(
      {
        job,
        batch,
        signal,
        ended: ({ node, judgement }, ran) => {
          if (!ran.ok) {
            send(this.#failed(node, ran.error));
            return;
          }
          const { record, cost, changed } = ran.value;
          this.#counts.ran += 1;
          this.#gpuSeconds += cost.gpu_seconds;
          this.#settle(node, { ...judgement, result: record }, "ran", changed, cost);
          send({ type: "succeeded", node, changed });
        },
      },
      this.#ports,
      this.#emit,
    );
    if (batch !== null) this.#emit({ type: "batch_ended", batch });
    return { type: "job_ended", job };
  }

  #settle(
    node: ActionNode,
    judgement: Judgement,
    verdict: "fresh" | "restored" | "ran",
    changed: boolean,
    cost: Cost | null,
  ): void {
    if (verdict === "fresh" && !this.#settled.has(node)) this.#counts.fresh += 1;
    this.#settled.set(node, judgement);
    this.#emit({
      type: "action_settled",
      target: node.id,
      verdict,
      changed,
      cost,
    });
  }

  #failed(node: ActionNode, failure: Failure): ScheduleEvent {
    const named = { ...failure, target: failure.target ?? node.id };
    if (failure.reason !== "cancelled") {
      this.#counts.failed += 1;
      this.#failures.push(named);
    }
    this.#emit({ type: "action_failed", target: node.id, failure: named });
    return { type: "failed", node };
  }

  #finish(
    outcome: "done" | "failed" | "interrupted",
    failure: Failure | null,
    plan: Plan | null,
    cost: PlanCost | null = null,
  ): BuildOutcome {
    if (failure !== null) {
      this.#failures.push(failure);
      this.#emit({ type: "failure", failure });
    }
    const exitCode =
      outcome === "interrupted"
        ? interruptionCode(this.#request.signal)
        : outcome === "failed"
          ? failure?.reason === "over_budget"
            ? EXIT.overBudget
            : EXIT.actionFailed
          : EXIT.done;
    const seconds = (this.#ports.clock.now() - this.#started) / 1000;
    const gpu: GpuTime | null = gpuTime(cost, this.#gpuSeconds);
    this.#emit({ type: "build_finished", outcome, exitCode, ...this.#counts, seconds, gpu });
    return { exitCode, failures: this.#failures, plan };
  }
}
