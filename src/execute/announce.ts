import type { GraphInput } from "../graph/graph.ts";
import type { BuildEvent, GpuTime, Prediction } from "../model/event.ts";
import type { PlanCost } from "../plan/cost.ts";
import { gpusUpTo, widest } from "../model/declaration.ts";
import {
  sharedOutRatio,
  timeTogether,
  type EstimateCost,
  type Interval,
} from "../plan/estimate.ts";
import type { Knowledge } from "../plan/knowledge.ts";
import type { Plan } from "../plan/plan.ts";
import type { Executor, Recovered } from "../ports.ts";
import type { Job } from "../schedule/events.ts";

/** What a build says of its plan and of what it starts. */

export function plannedEvent(
  plan: Plan,
  expected: EstimateCost,
  prediction: Prediction | null,
): BuildEvent {
  return {
    type: "planned",
    actions: plan.actions.map(({ node, verdict, causes, from }) => ({
      target: node.id,
      verdict,
      ...(verdict === "restore" ? { from: from ?? "store" } : {}),
      causes,
      gpu: node.declaration.resources.gpu > 0,
      seconds:
        verdict === "run" || verdict === "unknown"
          ? (expected(node)?.seconds.likely ?? null)
          : null,
    })),
    prediction,
  };
}

/** What was put right, to be said before anything else. */
export const recoveryNotices = ({ given_up, finished, notices }: Recovered): readonly string[] => [
  ...given_up.map(
    (target) => `publishing ${target} was interrupted and could not be finished; it is made again`,
  ),
  ...finished.map((target) => `finished publishing ${target}, which was interrupted`),
  ...notices,
];

/** What a job of several goes by in events; null for a job of one. */
export const batchOf = ({ members }: Job): string | null =>
  members.length > 1 ? (members[0]?.node.id ?? null) : null;

export function announceJob(
  job: Job,
  plan: Plan,
  expected: EstimateCost,
  executor: Pick<Executor, "logPath">,
): readonly BuildEvent[] {
  const [first] = job.members;
  if (first === undefined) return [];
  const { op } = first.node.declaration;
  const widestNode =
    widest(job.members, ({ node }) => node.declaration.resources)?.node ?? first.node;
  const { resources } = widestNode.declaration;
  const batch = batchOf(job);
  const shared = {
    op: op.runtime === "python" ? op.name : op.module,
    lane: resources.gpu > 0 ? "gpu" : "cpu",
    devices: job.lease.gpus,
    log: executor.logPath(first.node),
  } as const;
  const gpus = Math.min(job.lease.gpus.length, gpusUpTo(resources));
  const ratio = gpus > resources.gpu ? sharedOutRatio(widestNode, gpus) : 1;
  const seconds = job.members.map(({ node }) => {
    const alone = expected(node)?.seconds.likely ?? null;
    return alone === null ? null : alone * ratio;
  });
  const each = job.members.map(({ node, judgement }, at): BuildEvent => ({
    type: "action_started",
    target: node.id,
    batch,
    ...shared,
    causes: judgement.causes.length > 0 ? judgement.causes : (plan.byNode.get(node)?.causes ?? []),
    expectedSeconds: seconds[at] ?? null,
  }));
  if (batch === null) return each;
  const known = seconds.flatMap((value) => value ?? []);
  const expectedSeconds = known.length < seconds.length ? null : timeTogether(first.node, known);
  const targets = job.members.map(({ node }) => node.id);
  return [{ type: "batch_started", batch, targets, ...shared, expectedSeconds }, ...each];
}

const range = ({ low, high }: Interval): readonly [number, number] => [low, high];

export const predicted = (cost: PlanCost): Prediction => ({
  gpuSeconds: cost.gpuWithoutEstimate > 0 ? null : range(cost.gpuSeconds),
  seconds: cost.withoutEstimate > 0 && cost.seconds.high === 0 ? null : range(cost.seconds),
  untimed: cost.withoutEstimate,
  gpuMemoryBytes: cost.gpuMemoryBytes === null ? null : range(cost.gpuMemoryBytes),
});

/** Null where no GPU was to be used, and none was. */
export function gpuTime(cost: PlanCost | null, seconds: number): GpuTime | null {
  if (cost === null) return null;
  const none = cost.gpuSeconds.high === 0 && cost.gpuWithoutEstimate === 0;
  return none && seconds === 0 ? null : { predicted: predicted(cost).gpuSeconds, seconds };
}

/** What results from elsewhere could not be compared with, and is here now; null when there is nothing. */
export function comparableNotice(
  plan: Plan,
  knowledge: Pick<Knowledge, "observeInput">,
): BuildEvent | null {
  const isHere = (input: GraphInput): boolean =>
    input.producer === null && knowledge.observeInput(input).state === "present";
  const here = plan.actions.flatMap(({ node, unasked }) =>
    node.inputs.filter((input) => unasked?.has(input.role) === true && isHere(input)),
  );
  if (here.length === 0) return null;
  const paths = [...new Set(here.map(({ path }) => path))].sort().join(", ");
  return {
    type: "notice",
    message: `${paths} is here, and adopted results that depend on it still stand: their inputs are not known; making them again would tell`,
  };
}
