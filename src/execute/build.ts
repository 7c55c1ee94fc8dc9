import type { ActionNode } from "../graph/graph.ts";
import type { EmitEvent, GpuTime } from "../model/event.ts";
import { exitCodeOf, interruptionCode, type Failure } from "../model/failure.ts";
import type { Cost } from "../model/record.ts";
import type { MakerOf } from "../plan/inputs.ts";
import { judge } from "../plan/judge.ts";
import { keepsEdit, type Judgement } from "../plan/judgement.ts";
import { overBudget } from "../plan/budget.ts";
import { planCost, widthOf, withCluster, type PlanCost } from "../plan/cost.ts";
import { lackingOf } from "../plan/lacking.ts";
import type { Plan } from "../plan/plan.ts";
import type { Ports } from "../ports.ts";
import type { Command, Job, ScheduleEvent } from "../schedule/events.ts";
import { Schedule } from "../schedule/schedule.ts";
import {
  announceJob,
  batchOf,
  comparableNotice,
  gpuTime,
  plannedEvent,
  predicted,
  recoveryNotices,
} from "./announce.ts";
import {
  exitCodeAfter,
  isStopped,
  LOST,
  type BuildOutcome,
  type BuildRequest,
  type Outcome,
} from "./build-request.ts";
import { drive, type Send } from "./drive.ts";
import { informedPlan } from "./informed-plan.ts";
import { emitReplaced } from "./publish-action.ts";
import { runJob } from "./run-job.ts";
import { Soon, whileRead } from "./soon.ts";

export type { BuildOutcome, BuildRequest } from "./build-request.ts";

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
  /** What failed or is blocked. */
  readonly #lost = new Set<ActionNode>();
  readonly #failures: Failure[] = [];
  readonly #noticed = new Set<string>();
  readonly #counts = {
    ran: 0,
    restored: 0,
    shared: 0,
    fresh: 0,
    failed: 0,
    blocked: 0,
    submitted: 0,
  };
  readonly #stop = new AbortController();
  #gpuSeconds = 0;
  #soon: Soon | null = null;

  constructor(request: BuildRequest, ports: Ports, emit: EmitEvent, started: number) {
    this.#request = request;
    this.#ports = ports;
    this.#emit = emit;
    this.#started = started;
    this.#counts.fresh = request.untouched ?? 0;
  }

  async run(): Promise<BuildOutcome> {
    const { selection, targets, jobs, gpus, signal } = this.#request;
    this.#emit({ type: "build_started", targets, jobs, gpus });
    const { skipped = [] } = this.#request;
    if (skipped.length > 0) this.#emit({ type: "skipped", groups: skipped });
    const recovered = await this.#ports.workspace.recover();
    if (!recovered.ok) return this.#finish("failed", recovered.error, null);
    for (const message of recoveryNotices(recovered.value)) this.#emit({ type: "notice", message });
    const reading = whileRead(this.#request, this.#ports, this.#emit, this.#stop.signal);
    await this.#ports.workspace.survey(selection.needed, reading, signal);
    if (signal.aborted) return this.#finish("interrupted", null, null);
    const plan = await informedPlan(selection, this.#ports.workspace);
    if (isStopped(signal)) return this.#finish("interrupted", null, plan);
    const comparable = comparableNotice(plan, this.#ports.workspace);
    if (comparable !== null) this.#emit(comparable);
    if (plan.actions.every(({ verdict }) => verdict === "fresh")) {
      this.#emit(plannedEvent(plan, this.#request.expected, null));
      this.#counts.fresh += plan.actions.length;
      return this.#finish("done", null, plan);
    }
    const { expected, maxGpuHours, elsewhere = null } = this.#request;
    const width = withCluster(widthOf(jobs, this.#request), elsewhere);
    const cost = planCost(plan, expected, width);
    this.#emit(plannedEvent(plan, expected, predicted(cost)));
    const refused = maxGpuHours === undefined ? null : overBudget(cost, maxGpuHours);
    if (refused !== null) return this.#finish("failed", refused, plan);
    const nodes = plan.actions.map(({ node }) => node);
    const { demanded } = plan;
    const seconds = (node: ActionNode): number | null => expected(node)?.seconds.likely ?? null;
    const schedule = new Schedule(nodes, { ...this.#request, demanded, elsewhere, seconds });
    this.#soon = new Soon(plan, (node) => this.#settled.has(node), this.#request.hold);
    await drive(schedule, (command, send) => this.#perform(command, plan, send), signal);
    if (this.#request.signal.aborted) return this.#finish("interrupted", null, plan, cost);
    // What is held back is a debt, not a failure.
    const held = this.#request.hold !== undefined;
    const bad = this.#failures.length > 0 || (this.#counts.blocked > 0 && !held);
    const outcome = bad ? "failed" : this.#counts.submitted > 0 ? "submitted" : "done";
    return this.#finish(outcome, null, plan, cost);
  }

  #perform(command: Command, plan: Plan, send: Send): Promise<ScheduleEvent> | null {
    switch (command.type) {
      case "judge": {
        const { node, demandedBy } = command;
        const judgement = this.#judge(node, demandedBy, plan);
        const lacking = lackingOf(node, judgement);
        if (lacking === null || !this.#ports.workspace.mayLearn(lacking.key)) {
          send(this.#judged(node, judgement));
          return null;
        }
        // Its key is known only now, because of what ran before it.
        const asked = this.#ports.workspace.learn([lacking]);
        return asked.then((learnt) =>
          this.#judged(node, learnt ? this.#judge(node, demandedBy, plan) : judgement),
        );
      }
      case "restore":
        return this.#restore(command.node, command.judgement);
      case "run":
        return this.#run(command.job, plan, send);
      case "report_blocked":
        this.#lost.add(command.node);
        if (this.#request.signal.aborted) return null; // stopped, not stuck
        this.#counts.blocked += 1;
        this.#emit({ type: "action_blocked", target: command.node.id, causes: command.causes });
        return null;
      case "stop_running":
        this.#stop.abort();
        return null;
    }
  }

  #judge(node: ActionNode, demandedBy: string | null, plan: Plan): Judgement {
    const makerOf: MakerOf = (maker) => {
      const settled = this.#settled.get(maker);
      if (settled !== undefined) return settled;
      if (this.#lost.has(maker)) return LOST;
      if (plan.byNode.has(maker)) throw new Error(`${node.id} was judged before ${maker.id}`);
      return null;
    };
    const { exact, rerun } = this.#request.selection;
    const again = rerun?.has(node) === true && !this.#settled.has(node);
    const demand = { consumer: demandedBy, exact, rerun: again };
    const judgement = judge(node, makerOf, demand, this.#ports.workspace);
    if (judgement.verdict === "run" && this.#request.hold?.(node) === true) {
      this.#request.held?.(node);
      return { ...judgement, verdict: "blocked", causes: [...judgement.causes, { kind: "held" }] };
    }
    return judgement;
  }

  #judged(node: ActionNode, judgement: Judgement): ScheduleEvent {
    const { verdict, causes } = judgement;
    const refused = verdict === "run" && keepsEdit(causes);
    const edit = refused ? this.#ports.workspace.regionEdited(node) : null;
    if (edit !== null) {
      this.#failed(node, edit);
      return { type: "refused", node };
    }
    if (verdict === "fresh") this.#settle(node, judgement, "fresh", false, null);
    return { type: "judged", node, judgement };
  }

  async #restore(node: ActionNode, judgement: Judgement): Promise<ScheduleEvent> {
    const { result } = judgement;
    if (result === null) throw new Error(`${node.id} has nothing to restore`);
    const restored = await this.#ports.workspace.restore(node, result, judgement.absent);
    if (!restored.ok) {
      if (restored.error.reason !== "state_damaged") return this.#failed(node, restored.error);
      const message = `${restored.error.message}; it is made again`;
      if (!this.#noticed.has(message)) this.#emit({ type: "notice", message });
      this.#noticed.add(message);
      return { type: "not_restored", node };
    }
    emitReplaced(restored.value, this.#emit);
    this.#counts.restored += 1;
    if (judgement.from === "shared") this.#counts.shared += 1;
    this.#settle(node, { ...judgement, result }, "restored", true, null);
    return { type: "succeeded", node, changed: true };
  }

  async #run(job: Job, plan: Plan, send: (event: ScheduleEvent) => void): Promise<ScheduleEvent> {
    const batch = batchOf(job);
    const { executor } = this.#ports;
    for (const event of announceJob(job, plan, this.#request.expected, executor)) this.#emit(event);
    const { signal } = this.#stop;
    executor.foresee?.(this.#soon?.started(job) ?? [], { emit: this.#emit, signal });
    await runJob(
      {
        job,
        batch,
        signal,
        ended: ({ node, judgement }, ran) => {
          this.#soon?.ended(node);
          if (!ran.ok) {
            const left = ran.error.reason === "submitted";
            if (left) this.#counts.submitted += 1;
            send(left ? { type: "submitted", node } : this.#failed(node, ran.error));
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
      ...(verdict === "restored" ? { from: judgement.from ?? "store" } : {}),
    });
  }

  #failed(node: ActionNode, failure: Failure): ScheduleEvent {
    this.#lost.add(node);
    const named = { ...failure, target: failure.target ?? node.id };
    if (failure.reason !== "cancelled") {
      this.#counts.failed += 1;
      this.#failures.push(named);
    }
    this.#emit({ type: "action_failed", target: node.id, failure: named });
    return { type: "failed", node };
  }

  #finish(
    outcome: Outcome,
    failure: Failure | null,
    plan: Plan | null,
    cost: PlanCost | null = null,
  ): BuildOutcome {
    if (failure !== null) {
      this.#failures.push(failure);
      this.#emit({ type: "failure", failure });
    }
    const exitCode = exitCodeAfter(outcome, failure, this.#request.signal);
    const seconds = (this.#ports.clock.now() - this.#started) / 1000;
    const gpu: GpuTime | null = gpuTime(cost, this.#gpuSeconds);
    const { submitted, ...counts } = this.#counts;
    const left = submitted > 0 ? { submitted } : {};
    this.#emit({ type: "build_finished", outcome, exitCode, ...counts, ...left, seconds, gpu });
    return { exitCode, failures: this.#failures, plan };
  }
}
