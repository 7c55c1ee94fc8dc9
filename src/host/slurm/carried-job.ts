import { dirname, join } from "node:path";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { timeTogether, type EstimateCost } from "../../plan/estimate.ts";
import type { Execution, ExecutionMember, ExecutionRequest } from "../../ports.ts";
import { pythonRoot } from "../code/python-root.ts";
import { disk } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { cancelled } from "../process/cancelled.ts";
import type { FoundEnvironment } from "../python/op-environments.ts";
import { JobEvents } from "../python/runner/job-events.ts";
import { failureOf } from "../python/runner/runner.ts";
import type { Cancelling } from "./cancelling.ts";
import type { SlurmCommands } from "./commands.ts";
import { badEvent } from "./event-tail.ts";
import { failureOfEnd, type Verdict } from "./how-it-ended.ts";
import { isThere, type JobFolder } from "./job-folder.ts";
import { batchScript, submitOptions, type SubmitRequest } from "./job-script.ts";
import type { JobOver, JobWatch } from "./job-watch.ts";
import type { KnownJobs } from "./known-jobs.ts";
import { timeLimit, type Cluster } from "./settings.ts";
import { submitOnce } from "./submitting.ts";
import { nameOf, Telling } from "./telling.ts";
import { writeJob, type JobContext } from "./written-job.ts";

/** What all jobs of a build share. */
export interface JobParts {
  readonly context: JobContext;
  readonly cluster: Cluster;
  readonly commands: SlurmCommands;
  readonly expected: EstimateCost;
  readonly detach: boolean;
  readonly known: KnownJobs;
  readonly watch: JobWatch;
  readonly cancelling: Cancelling;
  /** Jobs that may still end and make room for others. */
  readonly live: Set<JobFolder>;
}

/** Why a job is submitted again. */
interface Again {
  readonly times: number;
  /** How often its time limit ended it. */
  readonly longer: number;
  readonly exclude: readonly string[];
  readonly why: string;
}

/** Members that share a job, until each of them has ended: through as many attempts as that takes. */
export class CarriedJob {
  readonly #parts: JobParts;
  readonly #request: ExecutionRequest;
  readonly #environment: FoundEnvironment;
  readonly #open: Set<ExecutionMember>;
  readonly #telling: Telling;

  constructor(parts: JobParts, request: ExecutionRequest, environment: FoundEnvironment) {
    this.#parts = parts;
    this.#request = request;
    this.#environment = environment;
    this.#open = new Set(request.members);
    this.#telling = new Telling(request);
  }

  /** @param earlier a job that was submitted before and has these members; null to submit one */
  async carry(earlier: JobFolder | null): Promise<void> {
    const { detach, live } = this.#parts;
    let again: Again = { times: 0, longer: 0, exclude: [], why: "" };
    let job = earlier;
    if (job !== null) this.#telling.job(job, "found", "of an earlier build");
    while (this.#open.size > 0) {
      if (job === null) {
        const submitted = await this.#submit(again);
        if (!submitted.ok) {
          this.#endAll(submitted.error);
          return;
        }
        job = submitted.value;
      }
      if (detach && job.end() === null) {
        this.#leave(job);
        return;
      }
      live.add(job);
      const next = await this.#follow(job, again);
      live.delete(job);
      if (next === null) return;
      this.#parts.known.forget(job, this.#keys());
      again = next;
      job = null;
    }
  }

  #keys() {
    return [...this.#open].map(({ key }) => key);
  }

  #endAll(failure: Failure): void {
    for (const member of [...this.#open]) this.#end(member, err(failure));
  }

  #end(member: ExecutionMember, outcome: Result<Execution, Failure>): void {
    if (this.#open.delete(member)) this.#request.ended(member, outcome);
  }

  /** The job goes on, and this build does not wait for it. */
  #leave(job: JobFolder): void {
    this.#telling.job(job, "left", "goes on; the next build takes its result");
    const message = `It goes on as job ${nameOf(job)}`;
    this.#endAll({ reason: "submitted", message, nextStep: "Run the same command again later." });
  }

  // --- submitting ------------------------------------------------------------------------------

  async #submit(again: Again): Promise<Result<JobFolder, Failure>> {
    const { context, cluster, commands, known, live, expected } = this.#parts;
    const { layout } = context;
    const members = [...this.#open];
    const [first] = members;
    if (first === undefined) throw new Error("a job without members");
    const { declaration } = first.node;
    const settings = cluster.settingsOf(declaration);
    const alone = members.flatMap(({ node }) => expected(node)?.seconds.high ?? []);
    const predicted = alone.length < members.length ? null : timeTogether(first.node, alone);
    const limit = timeLimit(settings, predicted, again.longer);
    const keys = this.#keys();
    const folder = await known.fresh(keys);
    const log = join(layout.root, this.#request.log);
    writeJob(folder, { ...this.#request, members }, this.#environment, limit, log, context);
    known.add(folder, keys);
    const { cpu, gpu, memoryBytes = null } = declaration.resources;
    const { prepared } = this.#environment;
    const request: SubmitRequest = {
      name: folder.name,
      folder: folder.path,
      settings,
      minutes: limit.minutes,
      cpus: cpu,
      gpus: gpu,
      memoryBytes,
      exclude: again.exclude,
      mounts: [layout.root, pythonRoot(layout), dirname(dirname(prepared.python)), folder.path],
    };
    const sent = await submitOnce(commands, {
      folder,
      options: submitOptions(request),
      script: batchScript(request),
      signal: this.#request.signal,
      waiting: (why) => this.#telling.warn(`waiting to submit: ${why}`),
      others: () => live.size > 0,
    });
    if (!sent.ok) {
      // Whether an interrupted submission got through is not known, so it is cancelled like one that did.
      if (sent.error.reason === "cancelled" && !this.#parts.detach) await this.#cancel(folder);
      if (sent.error.reason !== "submit_refused" || folder.giveUp()) known.forget(folder, keys);
      return sent;
    }
    const much = members.length === 1 ? "" : `${members.length} actions, `;
    const what = `${much}at most ${limit.minutes} min`;
    if (again.times + again.longer === 0) this.#telling.job(folder, "submitted", `(${what})`);
    else this.#telling.job(folder, "again", `(${what}), since ${again.why.replace(/^Job/, "job")}`);
    return ok(folder);
  }

  // --- following -------------------------------------------------------------------------------

  /** Returns why the members that are left have to be submitted again; null when none is left. */
  async #follow(job: JobFolder, again: Again): Promise<Again | null> {
    const { watch, detach, known } = this.#parts;
    const { signal, log } = this.#request;
    const members = [...this.#open];
    const mine = new Set(members.map(({ node }) => node.id));
    let failure: Failure | null = null;
    const events = new JobEvents(
      { ...this.#request, members, ended: (member, outcome) => this.#take(job, member, outcome) },
      this.#environment.prepared.tools,
    );
    const over = await watch.follow({
      folder: job,
      signal,
      event: (event) => {
        if (event.type === "error") failure = failureOf(event, log);
        const about = "action" in event ? event.action : null;
        if (typeof about !== "string" || mine.has(about)) events.add(event);
      },
      phase: (phase, detail) => {
        if (phase === "pending") this.#telling.waits(job, detail);
      },
    });
    if (this.#open.size === 0) {
      known.forget(
        job,
        members.map(({ key }) => key),
      );
      return null;
    }
    if (over.kind === "stopped") {
      if (detach) this.#leave(job);
      else {
        await this.#cancel(job);
        events.close(err(cancelled()));
      }
      return null;
    }
    const keys = members.map(({ key }) => key);
    const verdict = await this.#verdict(job, over, failure);
    if (verdict.again !== "never") {
      const next = this.#next(job, verdict, again);
      if (next !== null) {
        // Should it live all the same, it does no harm: it is cancelled, and its folder is no longer looked at.
        if (over.kind === "gone") await this.#parts.commands.cancel([job.name]);
        job.giveUp();
        return next;
      }
    }
    events.close(verdict.failure === null ? ok(undefined) : err(verdict.failure));
    known.forget(job, keys);
    return null;
  }

  async #verdict(job: JobFolder, over: JobOver, failure: Failure | null): Promise<Verdict> {
    const { commands, context } = this.#parts;
    const log = this.#request.log;
    if (over.kind === "bad event") {
      await commands.cancel([job.name]);
      return { failure: { ...badEvent(over.line), log }, again: "never", exclude: false };
    }
    if (over.kind === "ended" && !over.end.stopped && (over.end.code === 0 || failure !== null)) {
      const missing = failure === null && [...this.#open].every((member) => this.#lost.has(member));
      if (missing) return { failure: null, again: "always", exclude: false };
      return { failure, again: "never", exclude: false };
    }
    let state = over.kind === "stopped" ? null : over.state;
    const id = job.id();
    if (state === null && id !== null) state = await commands.accounted(id, job.name);
    const minutes = job.submission()?.minutes ?? null;
    const end = over.kind === "ended" ? over.end : null;
    return failureOfEnd({
      job: nameOf(job),
      folder: job,
      end,
      state,
      minutes,
      log,
      root: context.layout.root,
    });
  }

  /** Null where another attempt would end like this one. */
  #next(job: JobFolder, verdict: Verdict, again: Again): Again | null {
    const { retries } = this.#parts.cluster;
    const why = verdict.failure?.message ?? `what job ${nameOf(job)} had made is gone`;
    const node = verdict.exclude ? job.node() : null;
    const exclude = node === null ? again.exclude : [...new Set([...again.exclude, node])];
    if (again.times + again.longer >= retries) return null;
    if (verdict.again === "always") return { ...again, times: again.times + 1, exclude, why };
    // More time helps where more may be asked for, or where what is measured by then is kept.
    const resumes = [...this.#open].every(({ partial }) => partial !== null);
    const isLongest = job.submission()?.isLongest ?? true;
    if (isLongest && !resumes) return null;
    return { ...again, longer: again.longer + 1, exclude, why };
  }

  /** Members whose outputs were taken by a build that was killed before it had published them. */
  readonly #lost = new Set<ExecutionMember>();

  /** Brings what a job made into the stage. */
  #take(job: JobFolder, member: ExecutionMember, outcome: Result<Execution, Failure>): void {
    if (!outcome.ok) {
      this.#end(member, outcome);
      return;
    }
    const made = job.submission()?.members.find(({ key }) => key === member.key)?.outputs ?? {};
    const moves = Object.entries(member.stage.paths).map(
      ([role, to]) => [made[role] ?? "", to] as const,
    );
    if (moves.some(([from]) => !isThere(from))) {
      this.#lost.add(member);
      return;
    }
    try {
      for (const [from, to] of moves) disk.moveInto(from, to);
    } catch (error) {
      this.#end(member, err(diskFailure(error, member.node.id, member.node.id)));
      return;
    }
    this.#end(member, outcome);
  }

  async #cancel(job: JobFolder): Promise<void> {
    if (await this.#parts.cancelling.cancel(job)) {
      this.#parts.known.forget(job, job.submission()?.members.map(({ key }) => key) ?? []);
      return;
    }
    const message = `Slurm did not take the cancellation of job ${nameOf(job)}: it goes on, and the next build finds it`;
    this.#telling.notice(message);
  }
}
