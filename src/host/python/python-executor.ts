import { dirname, join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import { gpusUpTo, type EnvironmentDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { err } from "../../model/result.ts";
import type { ExecutionRequest, JobExecutor } from "../../ports.ts";
import { disk, errorText } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { DeviceChoice } from "../gpu/device-choice.ts";
import { neighbours } from "../gpu/device-pool.ts";
import type { Told } from "../gpu/device-request.ts";
import { Driver } from "../gpu/driver.ts";
import { GpuLeases } from "../gpu/gpu-leases.ts";
import type { ProcessRequest } from "../process/process.ts";
import type { OpSources } from "../code/op-sources.ts";
import { OpEnvironments } from "./op-environments.ts";
import { neededOf } from "./preparations.ts";
import type { PythonEnvironments } from "./python-environment.ts";
import { JobCarrier } from "./runner/job-carrier.ts";
import { runnerRequest } from "./runner/runner-request.ts";

export interface PythonExecutorOptions {
  readonly layout: Layout;
  readonly opSources: OpSources;
  readonly environments: readonly EnvironmentDeclaration[];
  readonly pythonEnvironments: PythonEnvironments;
  /** All that jobs may use, as `CUDA_VISIBLE_DEVICES` names them. */
  readonly gpus: readonly string[];
  /** Device memory of a job of these members; null where nobody knows. */
  readonly memoryNeeded: (members: readonly ActionNode[]) => number | null;
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
  readonly #devices: DeviceChoice;
  readonly #gpus: readonly string[];
  readonly #memoryNeeded: PythonExecutorOptions["memoryNeeded"];
  readonly #carrier: JobCarrier;
  readonly #closing = new AbortController();
  /** What is under way for jobs that may come. */
  readonly #foreseen: Promise<void>[] = [];

  constructor(options: PythonExecutorOptions) {
    const { layout, opSources, environments, pythonEnvironments, gpus, memoryNeeded } = options;
    this.#layout = layout;
    this.#opSources = opSources;
    this.#devices = new DeviceChoice(this.#leases, new Driver(), gpus);
    this.#memoryNeeded = memoryNeeded;
    this.#gpus = gpus;
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
    const { emit, signal } = request;
    const { target, environment, op, gpu, needs } = aboutJob(request);
    const found = await this.#environments.find(environment, request);
    if (!found.ok) return found.error;
    const counted = request.lease.gpus;
    const chosen = await this.#devices.take({
      devices: counted.slice(0, gpu),
      more: counted.slice(gpu),
      target,
      bytes: this.#memoryNeeded(request.members.map(({ node }) => node)),
      emit,
      tell: tellOf(request),
      signal,
    });
    if (!chosen.ok) return chosen.error;
    const { devices, lease } = chosen.value;
    // The runner sees what the job needs; what it starts itself sees one of the others each.
    const gpus = devices.slice(0, gpu);
    const { declared, prepared } = found.value;
    let keptByRunner = false;
    try {
      const started = (pid: number): void => lease.addWorker(pid);
      const start = this.#environments.runnerIn(found.value, gpus);
      const meanwhile = (): void => {
        const ahead = this.#environments.aheadIn(start, op);
        this.#carrier.begin(start, ahead).catch(() => undefined); // what is wrong shows below
      };
      const asked = { declared, prepared, gpus, needs, emit, signal, started, meanwhile };
      const ready = await this.#environments.ready(asked);
      if (!ready.ok) {
        // An idle runner of another environment is still there, and its end would be waited for.
        keptByRunner = lease.resident !== null;
        if (lease.resident !== null) lease.park(lease.resident);
        return ready.error;
      }
      keptByRunner = await this.#carrier.carry({
        start,
        job: runnerRequest(request, this.#freshLog(request), this.#context(), devices.slice(gpu)),
        request: { ...request, lease: { ...request.lease, gpus: devices } },
        tools: prepared.tools,
        devices: lease,
      });
      return null;
    } catch (error) {
      return notStarted(error, prepared.python);
    } finally {
      if (!keptByRunner) await lease.release();
    }
  }

  /**
   * Starts runners for the first environment of these, one for each job that may come, side by side. They import and
   * no more: a device is touched in a job, under its lease, and perhaps it is another one; then they were for nothing.
   * Of jobs that share their work out over devices there is one at a time.
   */
  foresee(nodes: readonly ActionNode[], about: Pick<ExecutionRequest, "emit" | "signal">): void {
    const ops = nodes.flatMap(({ declaration: { op, resources } }) =>
      op.runtime === "python" && resources.gpu > 0 ? [{ ...op, resources }] : [],
    );
    const [first] = ops;
    if (first === undefined) return;
    const { gpu } = first.resources;
    const alike = ops.filter(({ environment }) => environment === first.environment);
    const sharesOut = alike.some(
      ({ name, resources }) => name === first.name && gpusUpTo(resources) > gpu,
    );
    const jobs = sharesOut ? 1 : alike.length;
    const signal = AbortSignal.any([about.signal, this.#closing.signal]);
    const begin = async (): Promise<void> => {
      const found = await this.#environments.find(first.environment, { ...about, signal });
      if (!found.ok || signal.aborted) return; // the job tells
      const starts = neighbours(this.#gpus, gpu)
        .slice(0, jobs)
        .map((gpus) => this.#environments.runnerIn(found.value, gpus));
      const ahead = (start: ProcessRequest): Promise<void> =>
        this.#carrier.begin(start, this.#environments.aheadIn(start, first.name));
      await Promise.all(starts.map(ahead));
    };
    this.#foreseen.push(begin().catch(() => undefined)); // what is wrong shows in the job
  }

  /** Ends all runners, and gives back the devices that idle ones kept. Nothing is made any more for jobs that never came. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#foreseen);
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

function aboutJob({ members }: ExecutionRequest): {
  readonly target: string;
  readonly environment: string;
  readonly op: string;
  readonly gpu: number;
  readonly needs: readonly string[] | null;
} {
  const [first] = members;
  const { op, resources } = first?.node.declaration ?? {};
  if (first === undefined || op?.runtime !== "python") throw new Error("no job of a Python op");
  const { environment, name } = op;
  const needs = neededOf(members.map(({ node }) => node));
  return { target: first.node.id, environment, op: name, gpu: resources?.gpu ?? 0, needs };
}

/** What is said of a job is about its action, or about its batch. */
const tellOf =
  ({ members, batch, emit }: ExecutionRequest) =>
  (told: Told): void =>
    emit(
      batch === null
        ? { ...told, target: members[0]?.node.id ?? "", batch }
        : { ...told, target: null, batch },
    );

const notStarted = (error: unknown, python: string): Failure => ({
  reason: "runner_died",
  message: `The Python process could not be started: ${errorText(error)}`,
  place: { file: python },
  nextStep: "Name another interpreter, or let aqm make its own environment.",
});
