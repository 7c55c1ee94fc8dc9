import type { ExecutionRequest } from "../../ports.ts";
import type { JobFolder } from "./job-folder.ts";

/** How Slurm calls a job; the name that it was given, until it has a number. */
export const nameOf = (job: JobFolder): string => job.id() ?? job.name;

/** What is said of a job, at the action that it makes, or at the batch. */
export class Telling {
  readonly #request: Pick<ExecutionRequest, "batch" | "members" | "emit">;

  constructor(request: Pick<ExecutionRequest, "batch" | "members" | "emit">) {
    this.#request = request;
  }

  job(job: JobFolder, state: "submitted" | "found" | "again" | "left", what: string): void {
    const name = nameOf(job);
    const message = `job ${name} ${what}`;
    this.#request.emit({ type: "job_submitted", ...this.#about(), job: name, state, message });
  }

  waits(job: JobFolder, why: string): void {
    const name = `job ${nameOf(job)} waits ${why}`;
    this.#request.emit({ type: "action_phase", ...this.#about(), name, total: null });
  }

  warn(message: string): void {
    this.#request.emit({ type: "action_warning", ...this.#about(), code: "slurm", message });
  }

  notice(message: string): void {
    this.#request.emit({ type: "notice", message });
  }

  #about(): { target: string; batch: string | null } | { target: null; batch: string } {
    const { batch, members } = this.#request;
    return batch === null ? { target: members[0]?.node.id ?? "", batch } : { target: null, batch };
  }
}
