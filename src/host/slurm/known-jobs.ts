import { join } from "node:path";
import type { Digest } from "../../model/digest.ts";
import type { ExecutionMember } from "../../ports.ts";
import type { SlurmCommands } from "./commands.ts";
import { JobFolder, jobFoldersIn, jobName, tidyJobFolders } from "./job-folder.ts";
import { phaseOf } from "./states.ts";
import { find } from "./submitting.ts";

/** The jobs that are written down in a workspace, of this build and of earlier ones, by the keys of their members. */
export class KnownJobs {
  readonly #folder: string;
  readonly #root: string;
  readonly #commands: SlurmCommands;
  readonly #byKey = new Map<Digest, JobFolder>();
  readonly #left = new Set<JobFolder>();

  constructor(folder: string, root: string, commands: SlurmCommands) {
    this.#folder = folder;
    this.#root = root;
    this.#commands = commands;
    tidyJobFolders(folder);
    for (const job of jobFoldersIn(folder)) {
      if (job.isCancelled()) continue;
      for (const { key } of job.submission()?.members ?? []) this.#byKey.set(key, job);
    }
  }

  /** The jobs that make members of a request. */
  of(members: readonly ExecutionMember[]): ReadonlyMap<JobFolder, readonly ExecutionMember[]> {
    const found = new Map<JobFolder, ExecutionMember[]>();
    for (const member of members) {
      const job = this.#byKey.get(member.key);
      if (job === undefined) continue;
      const list = found.get(job);
      if (list === undefined) found.set(job, [member]);
      else list.push(member);
    }
    return found;
  }

  add(job: JobFolder, keys: readonly Digest[]): void {
    for (const key of keys) this.#byKey.set(key, job);
  }

  /** Its members have ended, or are made anew by another job. */
  forget(job: JobFolder, keys: readonly Digest[]): void {
    for (const key of keys) if (this.#byKey.get(key) === job) this.#byKey.delete(key);
    this.#left.add(job);
  }

  /** Removes folders that nobody needs any more. Until then a driver that is killed loses nothing. */
  tidy(): void {
    const needed = new Set(this.#byKey.values());
    for (const job of this.#left) if (!needed.has(job)) job.remove();
    this.#left.clear();
  }

  /**
   * Whether a job that was written down can still bring something: it has ended with a word, it has started, or it is
   * in the queue. One that was being submitted when its driver was killed, and that did not get there, is given up.
   */
  async lives(job: JobFolder): Promise<boolean> {
    if (job.end() !== null || job.isClaimed()) return true;
    if (job.id() !== null) return true; // the watch finds out
    const id = await find(this.#commands, job);
    if (id !== undefined) return true;
    return !job.giveUp();
  }

  /**
   * A folder for a job of a name that no job has. A job of such a name that is in the queue, although nothing is
   * written down of it, is one whose folder somebody removed: it is cancelled, since nobody could take its result.
   */
  async fresh(keys: readonly Digest[]): Promise<JobFolder> {
    const taken = new Set(jobFoldersIn(this.#folder).map(({ name }) => name));
    for (let attempt = 1; ; attempt++) {
      const name = jobName(this.#root, keys, attempt);
      if (taken.has(name)) continue;
      const jobs = await this.#commands.queue([name]);
      if (jobs === null || jobs.length === 0) return new JobFolder(join(this.#folder, name));
      if (jobs.some(({ state }) => phaseOf(state) !== "over")) await this.#commands.cancel([name]);
    }
  }
}
