import type { ActionDeclaration } from "../../model/declaration.ts";
import {
  DEFAULT_JOB_SECONDS,
  DEFAULT_JOBS,
  DEFAULT_RETRIES,
  DEFAULT_TIME,
  slurmSeconds,
  type ExecutorChoice,
  type SlurmDeclaration,
  type SlurmSettings,
} from "../../model/slurm.ts";
import type { Offer } from "../../plan/offer.ts";

/** What is known of the cluster: what the Aqmfile says, and what it leaves to the variables of the person. */
export interface Cluster {
  /** Stands before every command. */
  readonly prefix: readonly string[];
  readonly jobDir: string | null;
  readonly jobs: number;
  readonly jobSeconds: number;
  readonly retries: number;
  readonly settingsOf: (action: ActionDeclaration) => SlurmSettings;
}

type Variables = Readonly<Record<string, string | undefined>>;

export function clusterOf(declared: SlurmDeclaration, variables: Variables = process.env): Cluster {
  const named = (name: string): string | undefined => variables[`SLURM_${name}`] || undefined;
  const host = declared.host ?? named("HOST");
  const user = declared.user ?? named("USER");
  const own = withoutUndefined<SlurmSettings>({
    account: named("ACCOUNT"),
    partition: named("PARTITION"),
    qos: named("QOS"),
    mem: named("MEM"),
  });
  const models = named("HF_LOCAL");
  return {
    prefix: declared.prefix ?? (host === undefined ? [] : sshTo(host, user)),
    jobDir: declared.job_dir ?? named("JOB_DIR") ?? null,
    jobs: declared.jobs ?? DEFAULT_JOBS,
    jobSeconds: declared.job_seconds ?? DEFAULT_JOB_SECONDS,
    retries: declared.retries ?? DEFAULT_RETRIES,
    settingsOf: (action) => {
      const settings = {
        ...own,
        ...settingsIn(declared),
        ...forOp(declared, action),
        ...action.slurm,
      };
      if (models === undefined || settings.container === undefined) return settings;
      const mounts = settings.container_mounts ?? [];
      return { ...settings, container_mounts: [...mounts, `${models}:${models}`] };
    },
  };
}

/** The offer of the cluster. What it has is not asked for: a plan starts nothing. */
export function slurmOffer(declared: SlurmDeclaration, choice: ExecutorChoice): Offer {
  return {
    runtime: "python",
    lacks: () => null,
    takes: (action) => {
      const said = action.slurm ?? forOp(declared, action);
      if (choice === "local" || said === false) return false;
      return choice === "slurm" || said !== undefined;
    },
  };
}

const forOp = ({ ops = {} }: SlurmDeclaration, { op }: ActionDeclaration) =>
  op.runtime === "python" && Object.hasOwn(ops, op.name) ? ops[op.name] : undefined;

/** What is said of the cluster and of all jobs together; the rest is about one job. */
const ABOUT_ALL: ReadonlySet<string> = new Set<
  Exclude<keyof SlurmDeclaration, keyof SlurmSettings>
>(["host", "user", "prefix", "job_dir", "jobs", "job_seconds", "retries", "ops"]);

const settingsIn = (declared: SlurmDeclaration): SlurmSettings =>
  Object.fromEntries(Object.entries(declared).filter(([name]) => !ABOUT_ALL.has(name)));

const withoutUndefined = <Settings extends object>(
  settings: Readonly<Record<string, unknown>>,
): Settings =>
  Object.fromEntries(
    Object.entries(settings).filter(([, value]) => value !== undefined),
  ) as Settings;

const sshTo = (host: string, user: string | undefined): readonly string[] => [
  "ssh",
  "-oBatchMode=yes",
  user === undefined ? host : `${user}@${host}`,
  "--",
];

/** A job that ends a little late loses all that it did; one that asks for much too much waits longer. */
const MARGIN = 3;
/** For the start of Python, imports, a slow file system. */
const START_SECONDS = 600;

/**
 * The time limit of a job, in whole minutes, as Slurm counts.
 *
 * @param predicted the upper end of its prediction in seconds; null where nothing is known
 * @param tries how often its limit ended it before: each time it gets twice as much
 */
export function timeLimit(
  { time = DEFAULT_TIME }: Pick<SlurmSettings, "time">,
  predicted: number | null,
  tries = 0,
): { readonly minutes: number; readonly isLongest: boolean } {
  const longest = Math.max(1, Math.floor((slurmSeconds(time) ?? 0) / 60));
  if (predicted === null) return { minutes: longest, isLongest: true };
  const wanted = Math.ceil(((START_SECONDS + MARGIN * predicted) * 2 ** tries) / 60);
  return { minutes: Math.min(wanted, longest), isLongest: wanted >= longest };
}
