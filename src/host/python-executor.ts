import { dirname, join } from "node:path";
import type { ActionNode } from "../graph/graph.ts";
import type { EnvironmentDeclaration } from "../model/declaration.ts";
import type { BuildEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import { canonicalJson } from "../model/json.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Execution, ExecutionRequest } from "../ports.ts";
import { disk, errorText } from "./disk.ts";
import type { GpuLease, GpuLeases } from "./gpu-leases.ts";
import type { Layout } from "./layout.ts";
import { pythonRoot, type OpSources } from "./op-sources.ts";
import type { ProcessRequest } from "./process.ts";
import type { PreparedEnvironment, PythonEnvironments } from "./python-environment.ts";
import type { RunnerEvent, RunnerPlace, RunnerRequest } from "./runner/events.ts";
import type { RunnerPool } from "./runner/pool.ts";

export interface PythonExecutorOptions {
  readonly layout: Layout;
  readonly opSources: OpSources;
  readonly environments: ReadonlyMap<string, EnvironmentDeclaration>;
  readonly pythonEnvironments: PythonEnvironments;
  readonly gpuLeases: GpuLeases;
}

/** Runs Python ops: environment, GPU lease, runner, one job. */
export class PythonExecutor {
  readonly #options: PythonExecutorOptions;
  #pool: Promise<RunnerPool> | null = null;

  constructor(options: PythonExecutorOptions) {
    this.#options = options;
  }

  async execute(
    request: ExecutionRequest,
    op: { readonly name: string; readonly environment: string },
  ): Promise<Result<Execution, Failure>> {
    const { environments, pythonEnvironments, gpuLeases } = this.#options;
    const { node, lease, emit, signal } = request;
    const declared = environments.get(op.environment);
    if (declared === undefined) throw new Error(`no environment ${op.environment}`);
    const prepared = await pythonEnvironments.prepare(declared, emit, signal);
    if (!prepared.ok) return prepared;
    const devices = await gpuLeases.acquire(lease.gpus, node.id, emit, signal);
    if (!devices.ok) return devices;
    const used = { parked: false };
    try {
      return await this.#inRunner(request, op.name, declared, prepared.value, devices.value, used);
    } catch (error) {
      return err(notStarted(error, prepared.value));
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
  ): Promise<Result<Execution, Failure>> {
    const { layout } = this.#options;
    const { node, lease, emit, signal } = request;
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
    const measured = new Measurements(node, emit);
    const runner = await pool.take(start);
    if (devices.resident !== null && devices.resident.pid !== runner.pid) {
      await devices.resident.leave(); // of another environment, but on the same device
    }
    devices.addWorker(runner.pid); // before it gets the job and so could touch a device
    const job = this.#job(request, op, log);
    const outcome = await runner.run(job, (event) => measured.add(event), signal);
    pool.giveBack(start, runner);
    if (runner.usable && lease.gpus.length > 0) {
      devices.park({ pid: runner.pid, leave: () => pool.retire(runner) });
      used.parked = true;
    }
    if (!outcome.ok) return err({ ...outcome.error, log: request.log });
    return ok(measured.execution(prepared.tools));
  }

  #job({ node, lease, stage }: ExecutionRequest, op: string, log: string): RunnerRequest {
    const { layout, opSources } = this.#options;
    const inputs: Record<string, RunnerPlace> = {};
    for (const { role, path, kind } of node.inputs) {
      inputs[role] = { path: join(layout.root, path), kind, name: path };
    }
    const outputs: Record<string, RunnerPlace> = {};
    for (const [role, { path, kind }] of Object.entries(node.declaration.outputs)) {
      outputs[role] = { path: stage.paths[role] ?? "", kind, name: path };
    }
    const params = JSON.parse(canonicalJson(node.declaration.params)) as object;
    const { version } = opSources.of(node);
    return {
      protocol: 1,
      job: node.id,
      device: lease.gpus.length > 0 ? "cuda" : "cpu",
      workspace: layout.root,
      log,
      actions: [{ id: node.id, op, version, params, inputs, outputs }],
    };
  }
}

/** Hands progress on, and keeps what belongs into the record. */
class Measurements {
  readonly #target: string;
  readonly #emit: (event: BuildEvent) => void;
  #resource: Extract<RunnerEvent, { type: "resource" }> | null = null;
  #result: Extract<RunnerEvent, { type: "result" }> | null = null;

  constructor(node: ActionNode, emit: (event: BuildEvent) => void) {
    this.#target = node.id;
    this.#emit = emit;
  }

  add(event: RunnerEvent): void {
    const target = this.#target;
    switch (event.type) {
      case "phase":
        this.#emit({ type: "action_phase", target, name: event.name, total: event.total });
        break;
      case "step":
        this.#emit({ type: "action_step", target, done: event.done });
        break;
      case "warning":
        this.#emit({ type: "action_warning", target, code: event.code, message: event.message });
        break;
      case "resource":
        this.#resource = event;
        break;
      case "result":
        this.#result = event;
        break;
      case "artifact": // aqm digests what it publishes itself
      case "hello":
      case "heartbeat":
      case "error":
      case "idle":
        break;
    }
  }

  execution(environmentTools: Readonly<Record<string, string>>): Execution {
    return {
      cost: {
        seconds: rounded(this.#result?.seconds ?? 0),
        gpu_seconds: rounded(this.#result?.gpu_seconds ?? 0),
        peak_memory_bytes: this.#resource?.peak_memory_bytes ?? null,
        peak_gpu_memory_bytes: this.#resource?.peak_gpu_memory_bytes ?? null,
      },
      tools: { ...environmentTools, ...this.#result?.tools },
      facts: this.#result?.facts ?? {},
    };
  }
}

async function openPool(root: string): Promise<RunnerPool> {
  const { RunnerPool } = await import("./runner/pool.ts");
  const { loadRunnerSchemas } = await import("./runner/schemas.ts");
  return new RunnerPool(loadRunnerSchemas(root));
}

/** What every process needs to find its libraries and its temporary folder. */
const PASSED_ON = /^(PATH|HOME|TMPDIR|LD_LIBRARY_PATH|XDG_\w+|SSL_CERT_FILE)$/;

/** What a runner may see of this machine: declared, so that results do not depend on the shell. */
function runnerEnvironment(
  layout: Layout,
  prepared: PreparedEnvironment,
  { variables, passed = {} }: EnvironmentDeclaration,
  gpus: readonly string[],
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && (PASSED_ON.test(name) || name in passed)) environment[name] = value;
  }
  // A named interpreter may find its packages through the user's own path.
  const inherited = prepared.named ? process.env["PYTHONPATH"] : undefined;
  return {
    ...environment,
    PYTHONPATH: [pythonRoot(layout), ...(inherited ? [inherited] : [])].join(":"),
    PYTHONHASHSEED: "0",
    PYTHONSAFEPATH: "1", // the workspace is not a place to import from
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    LC_ALL: "C.UTF-8",
    ...variables,
    CUDA_DEVICE_ORDER: "PCI_BUS_ID",
    CUDA_VISIBLE_DEVICES: gpus.join(","),
    AQM_EVENTS_FD: "3",
  };
}

const rounded = (seconds: number): number => Math.round(seconds * 1000) / 1000;

const notStarted = (error: unknown, prepared: PreparedEnvironment): Failure => ({
  reason: "runner_died",
  message: `The Python process could not be started: ${errorText(error)}`,
  place: { file: prepared.python },
  nextStep: "Name another interpreter, or let aqm make its own environment.",
});
