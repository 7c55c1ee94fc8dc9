import type { SlurmCommands } from "./commands.ts";
import type { JobFolder } from "./job-folder.ts";
import { disk } from "../disk/disk.ts";
import { phaseOf } from "./states.ts";

/** Jobs that are to be cancelled at about the same time go into one call. */
const GATHER_MS = 50;
const LOOK_MS = 500;
/** About as long as Slurm waits before it kills. */
const LOOKS = 40;

/** Cancels jobs, all that are asked for within a moment by one `scancel`, and waits until they are gone. */
export class Cancelling {
  readonly #commands: SlurmCommands;
  #gathered: { readonly jobs: Set<JobFolder>; readonly done: Promise<boolean> } | null = null;

  constructor(commands: SlurmCommands) {
    this.#commands = commands;
  }

  /** False where Slurm did not take it: the job goes on, and a later build finds it. */
  cancel(job: JobFolder): Promise<boolean> {
    if (this.#gathered === null) {
      const jobs = new Set<JobFolder>();
      const done = after(GATHER_MS).then(() => {
        this.#gathered = null;
        return this.#all([...jobs]);
      });
      this.#gathered = { jobs, done };
    }
    this.#gathered.jobs.add(job);
    return this.#gathered.done;
  }

  async #all(jobs: readonly JobFolder[]): Promise<boolean> {
    const names = jobs.map(({ name }) => name);
    // Should this process be killed now, the next one must not take what is being cancelled for a result.
    for (const job of jobs) job.markCancelled();
    if (!(await this.#commands.cancel(names))) {
      for (const job of jobs) disk.remove(job.file("cancelled"));
      return false;
    }
    for (let look = 0; look < LOOKS; look++) {
      const left = await this.#commands.queue(names);
      if (left?.every(({ state }) => phaseOf(state) === "over") === true) break;
      await after(LOOK_MS);
    }
    return true;
  }
}

const after = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
