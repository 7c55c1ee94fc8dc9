import { dirname, join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { err } from "../../model/result.ts";
import type { ExecutionRequest, JobExecutor } from "../../ports.ts";
import { disk, errorText } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { GpuLeases } from "../gpu/gpu-leases.ts";
import type { OpSources } from "../code/op-sources.ts";
import { OpEnvironments } from "./op-environments.ts";
import type { PythonEnvironments } from "./python-environment.ts";
import { JobCarrier } from "./runner/job-carrier.ts";
import { runnerRequest } from "./runner/runner-request.ts";

export interface PythonExecutorOptions {
  readonly layout: Layout;
  readonly opSources: OpSources;
  readonly environments: readonly EnvironmentDeclaration[];
  readonly pythonEnvironments: PythonEnvironments;
}

/**
 * Runs Python ops on this machine: finds the environment, takes a lease of the devices, tells the runner
 * what to do. Each is a part of its own, which knows nothing of the others.
 */
export class PythonExecutor implements JobExecutor {
  readonly #layout: Layout;
  readonly #opSources: OpSources;
  readonly #environments: OpEnvironments;
  readonly #leases = new GpuLeases();
  readonly #carrier: JobCarrier;

  constructor({ layout, opSources, environments, pythonEnvironments }: PythonExecutorOptions) {
    this.#layout = layout;
    this.#opSources = opSources;
    this.#environments = new OpEnvironments(layout, environments, pythonEnvironments);
    this.#carrier = new JobCarrier(layout);
  }

  async execute(request: ExecutionRequest): Promise<void> {
    const open = new Set(request.members);
    const ended: ExecutionRequest["ended"] = (member, outcome) => {
      open.delete(member);
      request.ended(member, outcome);
    };
    const failure = await this.#job({ ...request, ended });
    if (failure !== null) for (const member of open) request.ended(member, err(failure));
  }

  /** Returns why no member could even begin; null when each was told how it ended. */
  async #job(request: ExecutionRequest): Promise<Failure | null> {
    const { lease, emit, signal } = request;
    const { target, environment } = aboutJob(request);
    const found = await this.#environments.find(environment, request);
    if (!found.ok) return found.error;
    const devices = await this.#leases.acquire(lease.gpus, target, emit, signal);
    if (!devices.ok) return devices.error;
    const { declared, prepared } = found.value;
    let keptByRunner = false;
    try {
      const { gpus } = lease;
      const started = (pid: number): void => devices.value.addWorker(pid);
      const asked = { declared, prepared, gpus, emit, signal, started };
      const ready = await this.#environments.ready(asked);
      if (!ready.ok) return ready.error;
      keptByRunner = await this.#carrier.carry({
        start: this.#environments.runnerIn(found.value, gpus),
        job: runnerRequest(request, this.#freshLog(request), this.#context()),
        request,
        tools: prepared.tools,
        devices: devices.value,
      });
      return null;
    } catch (error) {
      return notStarted(error, prepared.python);
    } finally {
      if (!keptByRunner) await devices.value.release();
    }
  }

  /** Ends all runners, and gives back the devices that idle ones kept. */
  async close(): Promise<void> {
    await this.#carrier.close();
    await this.#leases.close();
  }

  #context(): Parameters<typeof runnerRequest>[2] {
    return { root: this.#layout.root, opSources: this.#opSources };
  }

  /** The log of an earlier run of the action is gone then. */
  #freshLog(request: ExecutionRequest): string {
    const log = join(this.#layout.root, request.log);
    disk.makeFolder(dirname(log));
    disk.remove(log);
    return log;
  }
}

function aboutJob({ members }: ExecutionRequest): { target: string; environment: string } {
  const [first] = members;
  const op = first?.node.declaration.op;
  if (first === undefined || op?.runtime !== "python") throw new Error("no job of a Python op");
  return { target: first.node.id, environment: op.environment };
}

const notStarted = (error: unknown, python: string): Failure => ({
  reason: "runner_died",
  message: `The Python process could not be started: ${errorText(error)}`,
  place: { file: python },
  nextStep: "Name another interpreter, or let aqm make its own environment.",
});
