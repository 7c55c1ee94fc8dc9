import { partialIdentity } from "../keys/partial.ts";
import type { EmitEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { Result } from "../model/result.ts";
import type { ExecutionMember, PartialResults, Ports } from "../ports.ts";
import type { Job } from "../schedule/events.ts";
import { publishAction, type Published } from "./publish-action.ts";

export interface JobRun {
  readonly job: Job;
  readonly batch: string | null;
  readonly signal: AbortSignal;
  /** Told once of each member, as soon as its outputs are published and recorded, or it failed. */
  readonly ended: (member: JobMember, outcome: Result<Published, Failure>) => void;
}

export type JobMember = Job["members"][number];

interface Attempt {
  readonly members: readonly JobMember[];
  /** A device was lost under them before. */
  readonly again: boolean;
}

/** Stages, executes and publishes the members of a job, each by itself. */
export async function runJob(run: JobRun, ports: Ports, emit: EmitEvent): Promise<void> {
  const attempts: Attempt[] = [{ members: run.job.members, again: false }];
  for (let next = attempts.shift(); next !== undefined; next = attempts.shift()) {
    attempts.push(...(await attempt(next, run, ports, emit)));
  }
}

/** Returns what has to be tried once more. */
async function attempt(
  { members, again }: Attempt,
  run: JobRun,
  ports: Ports,
  emit: EmitEvent,
): Promise<readonly Attempt[]> {
  const { job, batch, signal, ended } = run;
  const staged = new Map<ExecutionMember, JobMember>();
  for (const member of members) {
    const { node, judgement } = member;
    const { key } = judgement;
    if (key === null) throw new Error(`${node.id} has no key`);
    const stage = await ports.workspace.stage(node);
    if (stage.ok) {
      const partial = openPartial(member, batch, ports.workspace, emit);
      staged.set({ node, key, stage: stage.value, partial }, member);
    } else ended(member, stage);
  }
  const [first] = staged.keys();
  if (first === undefined) return [];

  const [lost, crowded]: [JobMember[], JobMember[]] = [[], []];
  const publications: Promise<void>[] = [];
  await ports.executor.execute({
    members: [...staged.keys()],
    batch,
    lease: job.lease,
    log: ports.executor.logPath(first.node) ?? "",
    emit,
    signal,
    ended: (one, outcome) => {
      const member = staged.get(one);
      if (member === undefined) throw new Error(`${one.node.id} ended twice`);
      staged.delete(one);
      const reason = outcome.ok || signal.aborted ? null : outcome.error.reason;
      const retry =
        reason === "device_lost" && !again
          ? lost
          : reason === "out_of_memory" && members.length > 1
            ? crowded
            : null;
      if (retry !== null && !outcome.ok) {
        if (retry.push(member) === 1) emit(retryWarning(run, member, outcome.error));
        publications.push(one.stage.discard());
        return;
      }
      const { gpus = job.lease.gpus.length } = outcome.ok ? outcome.value : {};
      const scale = { together: members.length, gpus };
      const publication = publishAction(member, one, outcome, scale, ports, emit);
      publications.push(publication.then((published) => ended(member, published)));
      publication.catch(() => undefined); // it is awaited below, but perhaps much later
    },
  });
  await Promise.all(publications);
  if (staged.size > 0) throw new Error(`${[...staged.keys()][0]?.node.id} never ended`);
  const size = Math.ceil(members.length / 2);
  return [
    ...(lost.length > 0 ? [{ members: lost, again: true }] : []),
    ...[crowded.slice(0, size), crowded.slice(size)]
      .filter((half) => half.length > 0)
      .map((half) => ({ members: half, again })),
  ];
}

/**
 * Partial results save time; an action that cannot have them runs all the same. A rerun that was asked for has none:
 * it would only repeat what the last run had measured.
 */
function openPartial(
  { node, judgement: { description, causes } }: JobMember,
  batch: string | null,
  workspace: Ports["workspace"],
  emit: EmitEvent,
): PartialResults | null {
  const { resumable } = node.declaration;
  if (resumable === undefined || description === null) return null;
  if (causes.some(({ kind }) => kind === "rerun_asked")) return null;
  const opened = workspace.partialResults(node, partialIdentity(description, resumable));
  if (opened === null) return null;
  const warn = (message: string): void =>
    emit({ type: "action_warning", target: node.id, batch, code: "partial_results", message });
  if (!opened.ok) {
    const { message, cause } = opened.error;
    warn(`runs without partial results: ${message}${cause === undefined ? "" : ` (${cause})`}`);
    return null;
  }
  if (opened.value.dropped)
    warn("measures all items again: its inputs may have changed during a run that was interrupted");
  return opened.value;
}

/**
 * Two failures say nothing about the action: the device went away under it, or there was not enough
 * memory for all that were to run together.
 */
const retryWarning = (
  { batch }: JobRun,
  { node }: JobMember,
  { reason, message }: Failure,
): Parameters<EmitEvent>[0] => ({
  type: "action_warning",
  ...(batch === null ? { target: node.id, batch } : { target: null, batch }),
  code: reason,
  message: `${message}; trying ${reason === "device_lost" ? "once more" : "with fewer at once"}`,
});
