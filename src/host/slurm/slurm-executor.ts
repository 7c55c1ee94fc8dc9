import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import { digestOfBytes, hexOf } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { err } from "../../model/result.ts";
import type { EstimateCost } from "../../plan/estimate.ts";
import type { ExecutionMember, ExecutionRequest, JobExecutor } from "../../ports.ts";
import type { OpSources } from "../code/op-sources.ts";
import { pythonRoot } from "../code/python-root.ts";
import { disk } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import type { Layout } from "../disk/layout.ts";
import { OpEnvironments } from "../python/op-environments.ts";
import type { PythonEnvironments } from "../python/python-environment.ts";
import { loadRunnerSchemas, type RunnerSchemas } from "../python/runner/schemas.ts";
import { Cancelling } from "./cancelling.ts";
import { SlurmCommands } from "./commands.ts";
import { CarriedJob, type JobParts } from "./carried-job.ts";
import type { JobFolder } from "./job-folder.ts";
import { JobWatch } from "./job-watch.ts";
import { KnownJobs } from "./known-jobs.ts";
import type { Cluster } from "./settings.ts";
import { readsOf } from "./written-job.ts";

export interface SlurmExecutorOptions {
  readonly layout: Layout;
  readonly opSources: OpSources;
  readonly environments: readonly EnvironmentDeclaration[];
  readonly pythonEnvironments: PythonEnvironments;
  readonly cluster: Cluster;
  /** Predicted cost, for time limits. */
  readonly expected: EstimateCost;
  /** Jobs are submitted and not waited for, and go on when this process is interrupted. */
  readonly detach: boolean;
}

/**
 * Runs Python ops as jobs of a Slurm cluster that shares the file system of the workspace. A job outlives this
 * process: it is written down before it is submitted, and found again by the keys of its members.
 */
export class SlurmExecutor implements JobExecutor {
  readonly #parts: JobParts;
  readonly #environments: OpEnvironments;
  readonly #known: KnownJobs;

  constructor(options: SlurmExecutorOptions) {
    const { layout, opSources, environments, pythonEnvironments, cluster, detach } = options;
    const commands = new SlurmCommands(cluster.prefix);
    let schemas: RunnerSchemas | null = null;
    const loaded = (): RunnerSchemas => (schemas ??= loadRunnerSchemas(pythonRoot(layout)));
    this.#environments = new OpEnvironments(layout, environments, pythonEnvironments);
    this.#known = new KnownJobs(jobsFolder(layout, cluster), layout.root, commands);
    this.#parts = {
      context: { layout, opSources },
      cluster,
      commands,
      expected: options.expected,
      detach,
      known: this.#known,
      watch: new JobWatch(commands, loaded),
      cancelling: new Cancelling(commands),
      live: new Set(),
    };
  }

  async execute(request: ExecutionRequest): Promise<void> {
    const open = new Set(request.members);
    const ended: ExecutionRequest["ended"] = (member, outcome) => {
      open.delete(member);
      request.ended(member, outcome);
    };
    const failure = await this.#all({ ...request, ended });
    if (failure !== null) for (const member of open) request.ended(member, err(failure));
  }

  /** What is left running belongs to the cluster; what is over is tidied up. */
  close(): Promise<void> {
    this.#known.tidy();
    return Promise.resolve();
  }

  async #all(request: ExecutionRequest): Promise<Failure | null> {
    const { context } = this.#parts;
    const op = request.members[0]?.node.declaration.op;
    if (op?.runtime !== "python") throw new Error("no job of a Python op");
    const found = await this.#environments.find(op.environment, request);
    if (!found.ok) return found.error;
    try {
      const earlier = await this.#earlier(request);
      const taken = new Set([...earlier.values()].flat());
      const fresh = request.members.filter((member) => !taken.has(member));
      const jobs = [...earlier].map(([folder, members]) => ({ folder, members }));
      const all = fresh.length === 0 ? jobs : [...jobs, { folder: null, members: fresh }];
      if (jobs.length === 0) this.#clearLog(request);
      await Promise.all(
        all.map(({ folder, members }) =>
          new CarriedJob(this.#parts, { ...request, members }, found.value).carry(folder),
        ),
      );
      return null;
    } catch (error) {
      return diskFailure(error, context.layout.state);
    }
  }

  /** Jobs that were submitted before, and still make what is asked for. */
  async #earlier(
    request: ExecutionRequest,
  ): Promise<ReadonlyMap<JobFolder, readonly ExecutionMember[]>> {
    const { context, cancelling } = this.#parts;
    const found = new Map<JobFolder, readonly ExecutionMember[]>();
    for (const [job, members] of this.#known.of(request.members)) {
      const submitted = job.submission()?.members ?? [];
      const stand = members.filter(({ node, key }) =>
        submitted.some((one) => one.key === key && one.reads === readsOf(node, context)),
      );
      const keys = members.map(({ key }) => key);
      if (stand.length < members.length) {
        await cancelling.cancel(job);
        this.#known.forget(
          job,
          submitted.map(({ key }) => key),
        );
        const message = `job ${job.id() ?? job.name} is not taken: what it reads was touched after it had been submitted`;
        request.emit({ type: "notice", message });
      } else if (await this.#known.lives(job)) found.set(job, members);
      else this.#known.forget(job, keys);
    }
    return found;
  }

  /** The log of an earlier run of the action is gone then. */
  #clearLog({ log }: ExecutionRequest): void {
    const path = join(this.#parts.context.layout.root, log);
    disk.makeFolder(dirname(path));
    disk.remove(path);
  }
}

/** In the workspace, which the nodes see anyway, or in a folder of this workspace in a place that was named. */
function jobsFolder({ root, state }: Layout, { jobDir }: Cluster): string {
  if (jobDir === null) return join(state, "submitted");
  return join(jobDir, `aqm-${hexOf(digestOfBytes(fs.realpathSync(root))).slice(0, 16)}`);
}
