import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { cancelled } from "../process/cancelled.ts";
import type { SlurmCommands } from "./commands.ts";
import type { JobFolder } from "./job-folder.ts";
import { phaseOf } from "./states.ts";

/** Milliseconds until the next try: soon at first, then seldom. */
const PAUSES = [500, 1000, 2000, 4000, 8000, 15_000, 30_000];
/** About ten minutes: a controller that is restarted is back by then. */
const TRIES = 24;

export interface ToSubmit {
  readonly folder: JobFolder;
  readonly options: readonly string[];
  readonly script: string;
  readonly signal: AbortSignal;
  /** Told why it takes a while, when that is something new. */
  readonly waiting: (why: string) => void;
  /** Whether other jobs of this build may make room. */
  readonly others: () => boolean;
}

/**
 * Submits a job once. Where sbatch gives no clear answer (a timeout, a controller that is restarted), the job may be
 * in the queue all the same: so its name is looked up before anything is submitted again. Should the answer come later
 * than that look, there are two jobs of one name, of which only one can make the claim in their folder.
 */
export async function submitOnce(
  commands: SlurmCommands,
  job: ToSubmit,
): Promise<Result<string, Failure>> {
  const { folder, signal } = job;
  let told = "";
  const wait = async (why: string, tries: number): Promise<boolean> => {
    if (why !== told) job.waiting(why);
    told = why;
    return pause(PAUSES[Math.min(tries, PAUSES.length - 1)] ?? 0, signal);
  };
  let last = "";
  for (let tries = 0; tries < TRIES; tries++) {
    if (signal.aborted) return err(cancelled());
    const submitted = await commands.submit(job.options, job.script, (line) => void (last = line));
    if (submitted.kind === "sent") {
      folder.writeId(submitted.id);
      return ok(submitted.id);
    }
    if (submitted.kind === "refused") return err(refused(submitted.why));
    if (submitted.kind === "full") {
      // Where nothing of ours can make room, waiting for it would have no end.
      if (!job.others() && tries > 3) return err(refused(submitted.why));
      if (!(await wait(submitted.why, tries))) return err(cancelled());
      if (job.others()) tries = Math.min(tries, PAUSES.length);
      continue;
    }
    last = submitted.why;
    if (!(await wait(submitted.why, tries))) {
      // It may have been sent: what is to be cancelled must be found.
      await find(commands, folder);
      return err(cancelled());
    }
    const found = await find(commands, folder);
    if (found === null) continue; // no answer: `tries` goes on
    if (found !== undefined) return ok(found);
  }
  return err(unreachable(last));
}

/** The number of the job of this name; undefined where Slurm knows none, null where it does not answer. */
export async function find(
  commands: SlurmCommands,
  folder: JobFolder,
): Promise<string | null | undefined> {
  const jobs = await commands.queue([folder.name]);
  if (jobs === null) return folder.id();
  const job = jobs.find(({ state }) => phaseOf(state) !== "over") ?? jobs[0];
  // One that has made the claim was there, whether or not a controller that crashed knows it.
  const id = job?.id ?? folder.id() ?? undefined;
  if (id !== undefined) folder.writeId(id);
  return id;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    const stop = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve(true);
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}

const refused = (why: string): Failure => ({
  reason: "submit_refused",
  message: "Slurm refused the job",
  cause: why,
  nextStep:
    "Look at the slurm settings of the Aqmfile, and at `sinfo` and `sacctmgr show assoc` for what this cluster has.",
});

const unreachable = (why: string): Failure => ({
  reason: "submit_refused",
  message: "Slurm did not answer for ten minutes, so the job is not known to be submitted",
  cause: why,
  nextStep:
    "Run the same command again once `sinfo` answers: a job that was submitted after all is found then.",
});
