import type { ExecutionRequest } from "../../../ports.ts";
import { pythonRoot } from "../../code/python-root.ts";
import type { Layout } from "../../disk/layout.ts";
import type { GpuLease } from "../../gpu/gpu-leases.ts";
import type { ProcessRequest } from "../../process/process.ts";
import type { RunnerRequest } from "./events.ts";
import { JobEvents } from "./job-events.ts";
import { RunnerPool } from "./pool.ts";
import type { Runner } from "./runner.ts";
import { loadRunnerSchemas } from "./schemas.ts";

export interface CarriedJob {
  readonly start: ProcessRequest;
  readonly job: RunnerRequest;
  /** Whose members end, and who is told what the runner says. */
  readonly request: ExecutionRequest;
  /** Versions of the environment, for the records. */
  readonly tools: Readonly<Record<string, string>>;
  readonly devices: GpuLease;
}

/** Carries jobs to runners on this machine, new ones or such that are free. */
export class JobCarrier {
  readonly #layout: Layout;
  #pool: RunnerPool | null = null;
  #closed = false;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /**
   * Resolves when every member has ended and the runner is idle or gone.
   *
   * @returns true when the runner stays on the devices, for the next job; the lease is its then
   */
  async carry({ start, job, request, tools, devices }: CarriedJob): Promise<boolean> {
    const pool = this.#opened();
    const events = new JobEvents(request, tools);
    const attempt = async (): ReturnType<Runner["run"]> => {
      if (devices.resident !== null && devices.resident.pid !== runner.pid) {
        await devices.resident.leave(); // of another environment, but on the same device
      }
      devices.addWorker(runner.pid); // before it gets the job and so could touch a device
      return runner.run(job, (event) => events.add(event), request.signal);
    };
    let runner = await pool.take(start);
    let outcome = await attempt();
    if (!request.signal.aborted && pool.endedEarly(runner)) {
      await pool.retire(runner);
      runner = await pool.take(start);
      outcome = await attempt();
    }
    if (events.close(outcome)) pool.giveBack(start, runner);
    else await pool.retire(runner);
    if (!runner.usable || request.lease.gpus.length === 0) return false;
    devices.park({ pid: runner.pid, leave: () => pool.retire(runner) });
    return true;
  }

  /** Has a runner ready for the first job that is started in this way. */
  async begin(start: ProcessRequest, ahead: ProcessRequest): Promise<void> {
    if (!this.#closed) await this.#opened().begin(start, ahead);
  }

  /** Ends all runners. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool?.close();
    this.#pool = null;
  }

  #opened(): RunnerPool {
    return (this.#pool ??= new RunnerPool(loadRunnerSchemas(pythonRoot(this.#layout))));
  }
}
