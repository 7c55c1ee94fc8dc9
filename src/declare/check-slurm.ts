import { didYouMean } from "../model/nearest-name.ts";
import { slurmSeconds } from "../model/slurm.ts";
import { isObject, nameOf, wrong } from "./check.ts";

/** One word that neither a shell nor a `#SBATCH` line reads as anything else. */
const isWord = (value: unknown): boolean =>
  typeof value === "string" && /^[\w.,:@%+=/~#[\]-]+$/.test(value);
const isText = (value: unknown): boolean =>
  typeof value === "string" && value !== "" && !/[\n\r\0]/.test(value);
const isList = (of: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(of);
const isCount = (least: number) => (value: unknown) =>
  Number.isSafeInteger(value) && Number(value) >= least;

type Check = readonly [fits: (value: unknown) => boolean, example: string];

const SETTINGS: Readonly<Record<string, Check>> = {
  account: [isWord, 'account: "team"'],
  partition: [isWord, 'partition: "gpu"'],
  qos: [isWord, 'qos: "normal"'],
  time: [(value) => isWord(value) && slurmSeconds(String(value)) !== null, 'time: "04:00:00"'],
  mem: [(value) => typeof value === "string" && /^\d+[KMGT]?$/.test(value), 'mem: "64G"'],
  gpus_per_node: [(value) => value === null || isCount(1)(value), "gpus_per_node: 1, or null"],
  container: [isText, 'container: "registry#image:tag"'],
  container_mounts: [isList(isText), 'container_mounts: ["/data:/data"]'],
  srun_args: [isList(isText), 'srun_args: ["--cpu-bind=none"]'],
  sbatch_args: [isList(isWord), 'sbatch_args: ["--exclusive"]'],
};

const WORKSPACE: Readonly<Record<string, Check>> = {
  ...SETTINGS,
  host: [isWord, 'host: "login1"'],
  user: [isWord, 'user: "name"'],
  prefix: [isList(isText), 'prefix: ["ssh", "login1", "--"]'],
  job_dir: [isText, 'job_dir: "/shared/jobs"'],
  jobs: [isCount(1), "jobs: 32"],
  job_seconds: [(value) => Number.isFinite(value) && Number(value) >= 0, "job_seconds: 120"],
  retries: [isCount(0), "retries: 2"],
};

/** Options that say what a job is called, where its output goes or when sbatch returns: aqm finds its jobs by these. */
const OURS =
  /^(?:-[JoeaDWd]|--(?:job-name|output|error|array|parsable|wait|chdir|export|export-file|requeue|no-requeue|dependency|open-mode|input|wrap)(?:=|$))/;

/** Of `build(…, { slurm })`. */
export function checkSlurm(slurm: unknown): void {
  if (slurm === undefined) return;
  if (!isObject(slurm))
    wrong(`The slurm of build(…) is ${nameOf(slurm)}`, 'For example { partition: "gpu" }.');
  const { ops, ...rest } = slurm;
  checkEntries("The slurm of build(…)", rest, WORKSPACE);
  if (ops === undefined) return;
  if (!isObject(ops)) wrong(`The ops of slurm are ${nameOf(ops)}`, "Write settings by name of op.");
  for (const [name, settings] of Object.entries(ops))
    checkSlurmSettings(settings, `slurm.ops.${name}`);
}

/** Of `action({ slurm })`, and of one op; false keeps an action on this machine. */
export function checkSlurmSettings(settings: unknown, what = "The slurm of an action"): void {
  if (settings === undefined || settings === false) return;
  if (!isObject(settings))
    wrong(`${what} is ${nameOf(settings)}`, 'Write settings, {}, or false for "on this machine".');
  checkEntries(what, settings, SETTINGS);
}

function checkEntries(
  what: string,
  entries: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, Check>>,
): void {
  for (const [name, value] of Object.entries(entries)) {
    const check = known[name];
    if (check === undefined || !Object.hasOwn(known, name))
      wrong(
        `${what} has no setting ${name}`,
        didYouMean(name, Object.keys(known)) ??
          `The settings are ${Object.keys(known).join(", ")}.`,
      );
    if (value === undefined) continue;
    const [fits, example] = check;
    if (!fits(value)) wrong(`${what}: ${name} is ${nameOf(value)}`, `For example { ${example} }.`);
    const own =
      name === "sbatch_args" ? (value as string[]).find((word) => OURS.test(word)) : undefined;
    if (own !== undefined)
      wrong(
        `${what}: sbatch_args has ${own}, which aqm itself says`,
        "Leave it out: aqm finds its jobs by their names, and reads what they write.",
      );
  }
}
