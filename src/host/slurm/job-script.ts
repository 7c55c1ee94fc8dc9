import type { SlurmSettings } from "../../model/slurm.ts";

/** A word that a shell takes as it is. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export interface SubmitRequest {
  readonly name: string;
  /** Absolute path of the job's folder. */
  readonly folder: string;
  readonly settings: SlurmSettings;
  readonly minutes: number;
  readonly cpus: number;
  /** GPUs that an action needs. */
  readonly gpus: number;
  readonly memoryBytes: number | null;
  /** Nodes on which an earlier attempt was lost. */
  readonly exclude: readonly string[];
  /** What a container has to see. */
  readonly mounts: readonly string[];
}

/**
 * Options of sbatch. What decides where a job's words go and how it is found stands on the command line, where no
 * variable of a shell comes before it. Output goes to the job's own folder: see `runScript`.
 */
export function submitOptions(request: SubmitRequest): readonly string[] {
  const { name, settings, minutes, cpus, gpus, memoryBytes, exclude } = request;
  const { account, partition, qos, mem, gpus_per_node, sbatch_args = [] } = settings;
  const devices = gpus === 0 || gpus_per_node === null ? 0 : Math.max(gpus, gpus_per_node ?? 0);
  const memory = mem ?? (memoryBytes === null ? undefined : `${Math.ceil(memoryBytes / 2 ** 20)}M`);
  const option = (key: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [`--${key}=${value}`];
  return [
    `--job-name=${name}`,
    "--output=/dev/null",
    "--chdir=/",
    "--export=NIL",
    "--no-requeue",
    "--nodes=1",
    "--ntasks=1",
    `--cpus-per-task=${Math.max(1, cpus)}`,
    `--time=${minutes}`,
    ...option("account", account),
    ...option("partition", partition),
    ...option("qos", qos),
    ...option("mem", memory),
    ...(devices === 0 ? [] : [`--gres=gpu:${devices}`]),
    ...option("exclude", exclude.length === 0 ? undefined : exclude.join(",")),
    ...sbatch_args,
  ];
}

/** What Slurm keeps of a job: where its folder is, and nothing else. */
export function batchScript({ folder, settings, mounts }: SubmitRequest): string {
  const { container, container_mounts = [], srun_args = [] } = settings;
  const run = ["/bin/sh", quoted(`${folder}/run.sh`)];
  const contained =
    container === undefined
      ? []
      : [
          `--container-image=${container}`,
          `--container-mounts=${[...mounts.map((path) => `${path}:${path}`), ...container_mounts].join(",")}`,
          "--no-container-mount-home",
        ];
  const step = [...contained, ...srun_args];
  const command =
    step.length === 0
      ? run
      : ["srun", "--ntasks=1", "--kill-on-bad-exit=0", ...step.map(quoted), ...run];
  return [
    "#!/bin/sh",
    "PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}; export PATH",
    "unset SLURM_EXPORT_ENV",
    `exec ${command.join(" ")}`,
    "",
  ].join("\n");
}

export interface RunRequest {
  /** Absolute path of the job's folder. */
  readonly folder: string;
  readonly workspace: string;
  readonly usesGpu: boolean;
  /** The runner, as words. */
  readonly command: readonly string[];
  /** What is done once for each kind of machine before it, as words; null where nothing is. */
  readonly prepare: { readonly command: readonly string[]; readonly stamp: string } | null;
  /** Folder of the environment's caches, and variable → folder in that of the kind of machine. */
  readonly cache: string;
  readonly caches: Readonly<Record<string, string>>;
}

/**
 * What runs on the node: the same runner, with the same request and the same variables as here. Its events go to
 * a file, and the last word is a marker that is put in place by a rename.
 *
 * Variables come from a file that only the user can read and that is removed once it is read: a token is in no
 * script, in no environment that Slurm keeps, and on no command line.
 */
export function runScript(request: RunRequest): string {
  const { folder, workspace, usesGpu, command, prepare, cache, caches } = request;
  const words = (list: readonly string[]): string => list.map(quoted).join(" ");
  const folders = Object.entries(caches).flatMap(([name, place]) => [
    `if [ -z "\${${name}-}" ]; then ${name}="$machine"/${quoted(place)}; export ${name}; fi`,
  ]);
  return `#!/bin/sh
# One job of aqm. See docs/slurm.md.
job=\${SLURM_JOB_ID:-0}
node=\${SLURMD_NODENAME:-unknown}
scratch=\${TMPDIR:-/tmp}
devices=\${CUDA_VISIBLE_DEVICES-}
has_devices=\${CUDA_VISIBLE_DEVICES+yes}
cd ${quoted(folder)} || exit 97
# Who makes this folder does the work: a second job of this name, or one that was given up, does nothing.
if ! mkdir claim 2>/dev/null; then
  [ -d claim ] && exit 0
  exit 98
fi
echo "$job $node" > claim/job
exec >> job.log 2>&1

# The variables of the job are those that aqm wrote down, and no others.
for name in $(env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do
  case $name in PATH|PWD) ;; *) unset "$name" ;; esac
done
set -a
. ./environment
set +a
rm -f environment
TMPDIR=$scratch; export TMPDIR
${
  usesGpu
    ? `if [ -n "$has_devices" ]; then CUDA_VISIBLE_DEVICES=$devices; export CUDA_VISIBLE_DEVICES; fi`
    : `CUDA_VISIBLE_DEVICES=; export CUDA_VISIBLE_DEVICES`
}
cd ${quoted(workspace)} || exit 97

ended() { # step, code: the last word of the job
  printf '{"job":"%s","node":"%s","code":%d,"stopped":%s,"step":"%s"}\\n' \\
    "$job" "$node" "$2" "$stopped" "$1" > ${quoted(`${folder}/end.part`)}
  mv ${quoted(`${folder}/end.part`)} ${quoted(`${folder}/end.json`)}
  exit "$2"
}
pid=
stopped=false
stop() { # the cluster ends the job: the runner may say so before it goes
  stopped=true
  [ -z "$pid" ] || kill -INT "$pid" 2>/dev/null
}
trap stop TERM INT

# What is compiled for one kind of machine may not run on another.
kind=$(sed -n 's/^Model:[[:space:]]*//p' /proc/driver/nvidia/gpus/*/information 2>/dev/null | LC_ALL=C sort -u |
  paste -s -d + - | tr '[:upper:]' '[:lower:]' | LC_ALL=C sed 's/[^a-z0-9+][^a-z0-9+]*/-/g')
machine=${quoted(cache)}/${usesGpu ? `"\${kind:-gpu}"` : "cpu"}
${folders.join("\n")}
${prepare === null ? "" : preparation(prepare, words(prepare.command))}
${words(command)} < ${quoted(`${folder}/request.json`)} 3>> ${quoted(`${folder}/events`)} &
pid=$!
wait "$pid"
code=$?
while kill -0 "$pid" 2>/dev/null; do
  wait "$pid"
  code=$?
done
ended run "$code"
`;
}

/** Under a lock of the shared file system, since several jobs may come to a new kind of machine at once. */
const preparation = ({ stamp }: { readonly stamp: string }, command: string): string => `
mkdir -p "$machine"
if [ ! -e "$machine"/${quoted(stamp)} ]; then
  (
    flock 9
    [ -e "$machine"/${quoted(stamp)} ] && exit 0
    ${command} && : > "$machine"/${quoted(stamp)}
  ) 9> "$machine"/${quoted(`${stamp}.lock`)}
  code=$?
  [ "$code" = 0 ] || ended prepare "$code"
fi`;

/** The variables of the job as a shell reads them; the file is for nobody else's eyes. */
export const environmentFile = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${quoted(value)}\n`)
    .join("");
