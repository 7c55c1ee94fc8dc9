import { runToEnd, type FinishedProcess } from "../process/process.ts";
import { plainState } from "./states.ts";

/** A job as the queue tells of it. */
export interface QueuedJob {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** Why it waits, or its nodes. */
  readonly detail: string;
}

/** What came of a submission: only `sent` and `refused` are sure. */
export type Submitted =
  | { readonly kind: "sent"; readonly id: string }
  /** It may be in the queue all the same. */
  | { readonly kind: "unclear"; readonly why: string }
  /** There may be room once other jobs of this user have ended. */
  | { readonly kind: "full"; readonly why: string }
  | { readonly kind: "refused"; readonly why: string };

const UNCLEAR =
  /unable to contact|socket timed out|temporarily unable|connection (?:refused|timed out|reset)|zero bytes were transmitted|not responding|transport|broken pipe|communication/i;
const FULL = /queue full|(?:max|job) ?submit|submit limit|QOSMax\w*Job\w*|AssocMax\w*Job\w*/i;

/** What its commands see: no token of the user, and no option that an outer job or a shell left in a variable. */
const PASSED =
  /^(?:PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TMPDIR|LD_LIBRARY_PATH|SSH_\w+|KRB5\w*|XDG_RUNTIME_DIR|SLURM_CONF|SLURM_CONF_SERVER|SLURM_JWT|MUNGE\w*)$/;

const PATIENCE = { submit: 240_000, other: 90_000 };
/** One call takes a thousand names; a command line has its bounds. */
const AT_ONCE = 500;

/** The commands of Slurm, here or behind a prefix. No argument has anything that a shell reads. */
export class SlurmCommands {
  readonly #prefix: readonly string[];

  constructor(prefix: readonly string[]) {
    this.#prefix = prefix;
  }

  /** @param said told what sbatch says while it waits for room in the queue */
  async submit(
    options: readonly string[],
    script: string,
    said: (line: string) => void,
  ): Promise<Submitted> {
    const patience = AbortSignal.timeout(PATIENCE.submit);
    const ran = await this.#run(["sbatch", "--parsable", ...options], patience, {
      input: script,
      line: said,
    });
    const id = ran.stdout
      .split("\n")
      .flatMap((line) => /^(\d+)(?:;.*)?$/.exec(line.trim())?.[1] ?? []);
    const [first] = id;
    if (ran.code === 0 && first !== undefined) return { kind: "sent", id: first };
    const why = words(ran) || `sbatch ended with code ${String(ran.code)}`;
    if (patience.aborted || ran.code === null || ran.code === 0 || UNCLEAR.test(why))
      return { kind: "unclear", why };
    return FULL.test(why) ? { kind: "full", why } : { kind: "refused", why };
  }

  /** All jobs with one of these names that Slurm still knows; null when it does not answer, which says nothing. */
  async queue(names: readonly string[]): Promise<readonly QueuedJob[] | null> {
    const found: QueuedJob[] = [];
    for (const some of pieces(names)) {
      const ran = await this.#run(
        [
          "squeue",
          "--noheader",
          "--me",
          "--states=all",
          `--name=${some.join(",")}`,
          "--format=%i:%j:%T:%R",
        ],
        AbortSignal.timeout(PATIENCE.other),
      );
      if (ran.code !== 0) return null;
      for (const line of ran.stdout.split("\n")) {
        const [id = "", name = "", state = "", ...detail] = line.trim().split(":");
        if (some.includes(name))
          found.push({ id, name, state: plainState(state), detail: detail.join(":") });
      }
    }
    return found;
  }

  /** What the accounts say of a job that the queue has forgotten; null where there are none, or it is another job. */
  async accounted(id: string, name: string): Promise<string | null> {
    const ran = await this.#run(
      ["sacct", "-n", "-X", "-P", "-j", id, "-o", "JobName%80,State"],
      AbortSignal.timeout(PATIENCE.other),
    );
    if (ran.code !== 0) return null;
    const line = ran.stdout.split("\n").find((one) => one.startsWith(`${name}|`));
    return line === undefined ? null : plainState(line.slice(name.length + 1)) || null;
  }

  /** Numbers are used again after a crash of the controller, so jobs go by their names. Whether Slurm took it. */
  async cancel(names: readonly string[]): Promise<boolean> {
    const found = await this.queue(names);
    if (found === null) return false;
    const ids = found.map(({ id }) => id);
    for (const some of pieces(ids)) {
      const ran = await this.#run(["scancel", ...some], AbortSignal.timeout(PATIENCE.other));
      if (ran.code !== 0) return false;
    }
    return true;
  }

  #run(
    command: readonly string[],
    signal: AbortSignal,
    options: Pick<NonNullable<Parameters<typeof runToEnd>[2]>, "input" | "line"> = {},
  ): Promise<FinishedProcess> {
    const [program = "", ...args] = [...this.#prefix, ...command];
    return runToEnd(program, args, { ...options, onlyEnv: variables(), signal, cwd: "/" });
  }
}

const pieces = (names: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(names.length / AT_ONCE) }, (_, at) =>
    names.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
  );

function variables(): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined && PASSED.test(name)) passed[name] = value;
  return passed;
}

/** The last words of a command, without its name. */
const words = ({ stderr }: FinishedProcess): string =>
  stderr
    .trim()
    .split("\n")
    .slice(-2)
    .join(" ")
    .replaceAll(/sbatch: (?:error: )?/g, "")
    .slice(-300);
