import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { canonicalJson } from "../../model/json.ts";
import { err } from "../../model/result.ts";
import type { ExecutionMember, ExecutionRequest } from "../../ports.ts";
import { disk, errorText } from "../disk/disk.ts";
import type { GpuLease, GpuLeases } from "../gpu/gpu-leases.ts";
import type { Layout } from "../disk/layout.ts";
import { pythonRoot, type OpSources } from "../code/op-sources.ts";
import type { ProcessRequest } from "../process/process.ts";
import type { PreparedEnvironment, PythonEnvironments } from "./python-environment.ts";
import { Preparations } from "./preparations.ts";
import { runnerEnvironment } from "./runner-environment.ts";
import type { RunnerAction, RunnerPlace, RunnerRequest } from "./runner/events.ts";
import { JobEvents } from "./runner/job-events.ts";
import type { RunnerPool } from "./runner/pool.ts";

export interface PythonExecutorOptions {
  readonly layout: Layout;
  readonly opSources: OpSources;
  readonly environments: ReadonlyMap<string, EnvironmentDeclaration>;
  readonly pythonEnvironments: PythonEnvironments;
  readonly gpuLeases: GpuLeases;
}

/** Runs Python ops: environment, GPU lease, what the environment has to prepare, runner, one job. */
export class PythonExecutor {
  readonly #options: PythonExecutorOptions;
  readonly #preparations: Preparations;
  #pool: Promise<RunnerPool> | null = null;

  constructor(options: PythonExecutorOptions) {
    this.#options = options;
    this.#preparations = new Preparations(options.layout);
  }

  async execute(
    request: ExecutionRequest,
    op: { readonly name: string; readonly environment: string },
  ): Promise<void> {
    const open = new Set(request.members);
    const ended: ExecutionRequest["ended"] = (member, outcome) => {
      open.delete(member);
      request.ended(member, outcome);
    };
    const failure = await this.#job({ ...request, ended }, op);
    if (failure !== null) for (const member of open) request.ended(member, err(failure));
  }

  /** Returns why no member could even begin; null when each was told how it ended. */
  async #job(
    request: ExecutionRequest,
    op: { readonly name: string; readonly environment: string },
  ): Promise<Failure | null> {
    const { environments, pythonEnvironments, gpuLeases } = this.#options;
    const { members, lease, emit, signal } = request;
    const declared = environments.get(op.environment);
    if (declared === undefined) throw new Error(`no environment ${op.environment}`);
    const prepared = await pythonEnvironments.prepare(declared, emit, signal);
    if (!prepared.ok) return prepared.error;
    const target = members[0]?.node.id ?? "";
    const devices = await gpuLeases.acquire(lease.gpus, target, emit, signal);
    if (!devices.ok) return devices.error;
    const used = { parked: false };
    try {
      const { gpus } = lease;
      const started = (pid: number): void => devices.value.addWorker(pid);
      const ready = await this.#preparations.ensure({
        ...{ declared, prepared: prepared.value, gpus, emit, signal, started },
      });
      if (!ready.ok) return ready.error;
      return await this.#inRunner(request, op.name, declared, prepared.value, devices.value, used);
    } catch (error) {
      return notStarted(error, prepared.value);
    } finally {
      if (!used.parked) await devices.value.release();
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await (await pool)?.close();
    await this.#options.gpuLeases.close();
  }

  async #inRunner(
    request: ExecutionRequest,
    op: string,
    declared: EnvironmentDeclaration,
    prepared: PreparedEnvironment,
    devices: GpuLease,
    used: { parked: boolean },
  ): Promise<Failure | null> {
    const { layout } = this.#options;
    const { lease, signal } = request;
    this.#pool ??= openPool(pythonRoot(layout));
    const pool = await this.#pool;
    const start: ProcessRequest = {
      command: prepared.python,
      args: ["-m", "aqm_runner"],
      cwd: layout.root,
      env: runnerEnvironment(layout, prepared, declared, lease.gpus),
      log: join(layout.logs, "runners.log"),
    };
    const log = join(layout.root, request.log);
    disk.makeFolder(dirname(log));
    disk.remove(log); // of an earlier run
    const runner = await pool.take(start);
    if (devices.resident !== null && devices.resident.pid !== runner.pid) {
      await devices.resident.leave(); // of another environment, but on the same device
    }
    devices.addWorker(runner.pid); // before it gets the job and so could touch a device
    const events = new JobEvents(request, prepared.tools);
    const job = this.#request(request, op, log);
    const outcome = await runner.run(job, (event) => events.add(event), signal);
    if (events.close(outcome)) pool.giveBack(start, runner);
    else await pool.retire(runner);
    if (runner.usable && lease.gpus.length > 0) {
      devices.park({ pid: runner.pid, leave: () => pool.retire(runner) });
      used.parked = true;
    }
    return null;
  }

  #request({ members, lease }: ExecutionRequest, op: string, log: string): RunnerRequest {
    return {
      protocol: 1,
      job: members[0]?.node.id ?? "",
      device: lease.gpus.length > 0 ? "cuda" : "cpu",
      workspace: this.#options.layout.root,
      log,
      actions: members.map((member) => this.#action(member, op)),
    };
  }

  #action({ node, stage }: ExecutionMember, op: string): RunnerAction {
    const { layout, opSources } = this.#options;
    const inputs: Record<string, RunnerPlace> = {};
    for (const { role, path, kind, optional } of node.inputs) {
      if (kind === "record") continue; // refused where it is declared
      if (optional === true && !existsSync(join(layout.root, path))) continue;
      inputs[role] = { path: join(layout.root, path), kind, name: path };
    }
    const outputs: Record<string, RunnerPlace> = {};
    for (const [role, { path, kind }] of Object.entries(node.declaration.outputs)) {
      // Of a region an op writes the content, to a file of its own.
      const written = kind === "region" ? "file" : kind;
      outputs[role] = { path: stage.paths[role] ?? "", kind: written, name: path };
    }
    const params = JSON.parse(canonicalJson(node.declaration.params)) as object;
    const { version } = opSources.of(node);
    return { id: node.id, op, version, params, inputs, outputs };
  }
}

async function openPool(root: string): Promise<RunnerPool> {
  const { RunnerPool } = await import("./runner/pool.ts");
  const { loadRunnerSchemas } = await import("./runner/schemas.ts");
  return new RunnerPool(loadRunnerSchemas(root));
}

const notStarted = (error: unknown, prepared: PreparedEnvironment): Failure => ({
  reason: "runner_died",
  message: `The Python process could not be started: ${errorText(error)}`,
  place: { file: prepared.python },
  nextStep: "Name another interpreter, or let aqm make its own environment.",
});
