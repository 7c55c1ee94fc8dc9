import type { Failure } from "../../../model/failure.ts";
import { err, ok, type Result } from "../../../model/result.ts";
import type { Execution, ExecutionMember, ExecutionRequest } from "../../../ports.ts";
import type { RunnerEvent } from "./events.ts";
import { failureOf } from "./runner.ts";

type Of<Type extends RunnerEvent["type"]> = Extract<RunnerEvent, { type: Type }>;

/** Hands on what a runner says of a job, and ends each member as soon as it is known how. */
export class JobEvents {
  readonly #request: ExecutionRequest;
  readonly #tools: Readonly<Record<string, string>>;
  readonly #open: Map<string, ExecutionMember>;
  readonly #resources = new Map<string, Of<"resource">>();
  /** Which action ended the process. */
  #culprit: string | null = null;

  constructor(request: ExecutionRequest, environmentTools: Readonly<Record<string, string>>) {
    this.#request = request;
    this.#tools = environmentTools;
    this.#open = new Map(request.members.map((member) => [member.node.id, member]));
  }

  add(event: RunnerEvent): void {
    const { emit, log } = this.#request;
    switch (event.type) {
      case "phase":
        emit({
          type: "action_phase",
          ...this.#about(event.action),
          name: event.name,
          total: event.total,
        });
        break;
      case "step":
        emit({ type: "action_step", ...this.#about(event.action), done: event.done });
        break;
      case "warning": {
        const { code, message } = event;
        emit({ type: "action_warning", ...this.#about(event.action), code, message });
        break;
      }
      case "resource":
        this.#resources.set(event.action ?? "", event);
        break;
      case "result":
        this.#end(event.action, ok(this.#execution(event)));
        break;
      case "failed":
        this.#end(event.action, err({ ...failureOf(event, log), log }));
        break;
      case "error":
        this.#culprit = event.action ?? null;
        break;
      case "artifact": // aqm digests what it publishes itself
      case "hello":
      case "heartbeat":
      case "idle":
        break;
    }
  }

  /** Ends all members that have not ended. Returns whether the runner kept to the protocol. */
  close(outcome: Result<void, Failure>): boolean {
    const { log } = this.#request;
    const open = [...this.#open.keys()];
    for (const id of open) {
      const failure = outcome.ok ? forgotten(id) : this.#failureOf(id, outcome.error);
      this.#end(id, err({ ...failure, log }));
    }
    return !outcome.ok || open.length === 0;
  }

  /** What ends the process ends all; but what only one action did is not what the others did wrong. */
  #failureOf(id: string, failure: Failure): Failure {
    const culprit = this.#culprit;
    const common = ["cancelled", "device_lost", "out_of_memory"].includes(failure.reason);
    if (common || culprit === null || culprit === id || this.#request.members.length === 1)
      return failure;
    return {
      reason: "runner_died",
      message: `It ran together with ${culprit}, which failed and ended the process`,
      cause: failure.message,
      nextStep:
        "Nothing was recorded; run the same command again to make it without the other.",
    };
  }

  #end(id: string, outcome: Result<Execution, Failure>): void {
    const member = this.#open.get(id);
    if (member === undefined) return;
    this.#open.delete(id);
    this.#request.ended(member, outcome);
  }

  #about(
    action: string | null | undefined,
  ): { target: string; batch: string | null } | { target: null; batch: string } {
    const { batch, members } = this.#request;
    if (action !== null && action !== undefined) return { target: action, batch };
    return batch === null ? { target: members[0]?.node.id ?? "", batch } : { target: null, batch };
  }

  #execution({ action, seconds, gpu_seconds, tools, facts }: Of<"result">): Execution {
    const resource = this.#resources.get(action) ?? this.#resources.get("");
    return {
      cost: {
        seconds: rounded(seconds),
        gpu_seconds: rounded(gpu_seconds),
        peak_memory_bytes: resource?.peak_memory_bytes ?? null,
        peak_gpu_memory_bytes: resource?.peak_gpu_memory_bytes ?? null,
      },
      gpus: this.#request.lease.gpus.length,
      tools: { ...this.#tools, ...tools },
      facts,
    };
  }
}

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

const forgotten = (id: string): Failure => ({
  reason: "runner_protocol",
  message: `The Python process ended its job without a word about ${id}`,
  nextStep: "docs/runner-protocol.md says what has to be sent; this is a mistake in the runner.",
});
