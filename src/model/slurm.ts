/**
 * What an Aqmfile says of Slurm, as plain data. Names are those of the launcher that users of such clusters
 * have, where there is one: `account`, `partition`, `qos`, `time`, `mem`, `gpus_per_node`, `container`, …
 */
export interface SlurmSettings {
  readonly account?: string;
  readonly partition?: string;
  readonly qos?: string;
  /** The longest time that a job may ask for: `04:00:00`. A shorter prediction asks for less. */
  readonly time?: string;
  /** Memory of a job: `64G`; `0` asks for all that its node has. */
  readonly mem?: string;
  /** GPUs of a job that needs one; null asks for none, for clusters that do not count their GPUs. */
  readonly gpus_per_node?: number | null;
  /** An image for `srun --container-image`. */
  readonly container?: string;
  /** Folders that the container sees beside the workspace and the environments. */
  readonly container_mounts?: readonly string[];
  readonly srun_args?: readonly string[];
  /** Further options of sbatch, a word each: `--exclusive`, `--constraint=h200`. */
  readonly sbatch_args?: readonly string[];
}

/** The settings of a workspace: `build([ … ], { slurm: { … } })`. */
export interface SlurmDeclaration extends SlurmSettings {
  /** Where the commands of Slurm are, if not here: they are run there by ssh. */
  readonly host?: string;
  readonly user?: string;
  /** What stands before every command of Slurm, instead of ssh: `["ssh", "-oBatchMode=yes", "login", "--"]`. */
  readonly prefix?: readonly string[];
  /** Where jobs keep what they say and make until it is published; `.aqm/submitted` if not said. */
  readonly job_dir?: string;
  /** Jobs at the same time, 32 if not said. */
  readonly jobs?: number;
  /** Members of a batch group share a job until it takes so many seconds by prediction, 120 if not said. */
  readonly job_seconds?: number;
  /** How often a job is submitted again that its cluster ended, 2 if not said. */
  readonly retries?: number;
  /** Other settings for ops, by name; false: they run on this machine. */
  readonly ops?: Readonly<Record<string, SlurmSettings | false>>;
}

/** Whose jobs go to Slurm: those that say so, or all Python ops but those that say otherwise, or none. */
export type ExecutorChoice = "declared" | "slurm" | "local";

export const DEFAULT_JOBS = 32;
export const DEFAULT_JOB_SECONDS = 120;
export const DEFAULT_RETRIES = 2;
/** The limit of a job of which nothing is known. */
export const DEFAULT_TIME = "04:00:00";

/** Seconds of a time as Slurm writes it: minutes, `MM:SS`, `HH:MM:SS`, `D-HH`, `D-HH:MM`, `D-HH:MM:SS`; null for another text. */
export function slurmSeconds(text: string): number | null {
  const parts = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text);
  if (parts === null) return null;
  const [, days, ...rest] = parts as (string | undefined)[];
  const [first = 0, second, third] = rest.map((part) => (part === undefined ? part : Number(part)));
  if (days !== undefined)
    return Number(days) * 86_400 + first * 3600 + (second ?? 0) * 60 + (third ?? 0);
  if (third !== undefined) return first * 3600 + (second ?? 0) * 60 + third;
  return second === undefined ? first * 60 : first * 60 + second;
}
