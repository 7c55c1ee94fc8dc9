import { join } from "node:path";
import type { Failure } from "../../model/failure.ts";
import { readFileEnd } from "../disk/bounded-read.ts";
import { errorCode } from "../disk/disk.ts";
import type { JobEnd, JobFolder } from "./job-folder.ts";
import { endingOf, phaseOf, type Ending } from "./states.ts";

/** What follows from how a job ended. */
export interface Verdict {
  /** Null where the job kept to the protocol. */
  readonly failure: Failure | null;
  readonly again: Ending["again"];
  /** Not on the node on which it was. */
  readonly exclude: boolean;
}

export interface EndedJob {
  /** As Slurm calls it. */
  readonly job: string;
  readonly folder: JobFolder;
  /** Null where the job left no last word. */
  readonly end: JobEnd | null;
  /** What Slurm says of it; null where it knows nothing any more. */
  readonly state: string | null;
  readonly minutes: number | null;
  /** Workspace-relative. */
  readonly log: string;
  readonly root: string;
}

/** Of a job that has ended, and not as a runner ends that says why. */
export function failureOfEnd(ended: EndedJob): Verdict {
  const { job, folder, end, state, log, root } = ended;
  const known =
    state !== null && (phaseOf(state) === "over" || state === "COMPLETING") ? state : null;
  const tail =
    [tailOf(join(root, log)), tailOf(folder.file("job.log"))].find((text) => text !== "") ?? "";
  const said = tail === "" ? {} : { cause: tail };
  const place = folder.node() === null ? "" : ` on ${folder.node() ?? ""}`;
  if (end === null || end.stopped || known === "OUT_OF_MEMORY") {
    const ending =
      end?.stopped === true && (known === null || known === "FAILED" || known === "COMPLETED")
        ? STOPPED
        : endingOf(known);
    const limit =
      ending.reason === "time_limit" && ended.minutes !== null ? ` of ${ended.minutes} min` : "";
    const node = ending.exclude ? ` ${folder.node() ?? ""}`.trimEnd() : "";
    const message = `Job ${job} ${ending.what}${limit}${node}`;
    const { reason, nextStep } = ending;
    return {
      failure: { reason, message, ...said, nextStep, log },
      again: ending.again,
      exclude: ending.exclude,
    };
  }
  if (end.step === "prepare") {
    return {
      failure: {
        reason: "environment_failed",
        message: `Preparing the Python environment${place} failed with code ${end.code}`,
        ...said,
        nextStep: "Look at the cause; the next build tries it again.",
      },
      again: "never",
      exclude: false,
    };
  }
  const how =
    end.code > 128 ? `was ended by signal ${end.code - 128}` : `ended with code ${end.code}`;
  const nextStep =
    end.code === 137
      ? "Unless a person killed it, its node probably ran out of memory: ask for more by `mem` in the slurm settings."
      : "The log has the whole story. Nothing was recorded; run the same command again.";
  return {
    failure: {
      reason: "runner_died",
      message: `The Python process of job ${job}${place} ${how}`,
      ...said,
      nextStep,
      log,
    },
    again: "never",
    exclude: false,
  };
}

const STOPPED: Ending = {
  reason: "job_ended",
  what: "was ended by the cluster, which does not say why any more",
  again: "never",
  exclude: false,
  nextStep: "Run the same command again; what is done is kept.",
};

/** The last lines of a file. */
function tailOf(path: string): string {
  try {
    return readFileEnd(path, 64 * 1024)
      .trimEnd()
      .split("\n")
      .slice(-6)
      .join("\n");
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return "";
  }
}
