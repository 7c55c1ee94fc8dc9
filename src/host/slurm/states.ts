import type { FailureReason } from "../../model/failure.ts";

/** Where a job is, in the words of `squeue`, without what is in brackets or behind a space. */
export type Phase = "pending" | "running" | "over";

const PENDING = new Set([
  "PENDING",
  "CONFIGURING",
  "REQUEUED",
  "REQUEUE_HOLD",
  "REQUEUE_FED",
  "SPECIAL_EXIT",
  "RESV_DEL_HOLD",
]);
const OVER = new Set([
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "NODE_FAIL",
  "BOOT_FAIL",
  "PREEMPTED",
  "TIMEOUT",
  "DEADLINE",
  "OUT_OF_MEMORY",
  "REVOKED",
]);

/** A state that is not known is taken for one of a job that goes on: nothing is given up for it. */
export const phaseOf = (state: string): Phase =>
  OVER.has(state) ? "over" : PENDING.has(state) ? "pending" : "running";

/** Of `CANCELLED by 1000` or `RUNNING+`. */
export const plainState = (text: string): string => /^[A-Z_]+/.exec(text)?.[0] ?? "";

/** How a job ended that has no word of its own about it. */
export interface Ending {
  readonly reason: FailureReason;
  /** What to say after "The job 12 ". */
  readonly what: string;
  /** It says nothing about the work: it is worth another try. */
  readonly again: "always" | "with more time" | "never";
  /** Not on that node. */
  readonly exclude: boolean;
  readonly nextStep: string;
}

const AGAIN = "Run the same command again; what is done is kept.";

/** @param state as `squeue` or `sacct` tells it; null where neither knows the job any more */
export function endingOf(state: string | null): Ending {
  switch (state) {
    case "NODE_FAIL":
    case "BOOT_FAIL":
    case "COMPLETING": // for longer than a node takes that is still there
      return {
        reason: "job_lost",
        what: "was lost with its node",
        again: "always",
        exclude: true,
        nextStep: AGAIN,
      };
    case "PREEMPTED":
    case "REVOKED":
      return {
        reason: "job_ended",
        what: "was ended by the cluster for another job",
        again: "always",
        exclude: false,
        nextStep: `${AGAIN} Another qos or partition may not be preempted.`,
      };
    case "TIMEOUT":
    case "DEADLINE":
      return {
        reason: "time_limit",
        what: "reached its time limit",
        again: "with more time",
        exclude: false,
        nextStep: "Let `time` in the slurm settings be longer, as far as the partition allows it.",
      };
    case "OUT_OF_MEMORY":
      return {
        reason: "out_of_memory",
        what: "was ended because it took more memory than it had asked for",
        again: "never",
        exclude: false,
        nextStep:
          'Ask for more: `mem` in the slurm settings ("0" is all of a node), or memoryBytes in the rule.',
      };
    case "CANCELLED":
      return {
        reason: "job_ended",
        what: "was cancelled, and not by this build",
        again: "never",
        exclude: false,
        nextStep: AGAIN,
      };
    case "FAILED":
    case "COMPLETED":
      return {
        reason: "job_lost",
        what: `is ${state} for Slurm, and left no word of its own`,
        again: "never",
        exclude: false,
        nextStep:
          "If its node killed it for its memory, ask for more: `mem` in the slurm settings. Else its folder may not be on a file system that its node shares and may write.",
      };
    default:
      return {
        reason: "job_lost",
        what: "is not known to Slurm any more, and left no word of its own",
        again: "always",
        exclude: false,
        nextStep: AGAIN,
      };
  }
}
