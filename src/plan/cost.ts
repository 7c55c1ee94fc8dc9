import { producersOf, type ActionNode } from "../graph/graph.ts";
import type { EstimateCost, Interval } from "./estimate.ts";
import { most, NOTHING, sum, times } from "./intervals.ts";
import type { Plan, PlannedAction } from "./plan.ts";
import { predictJobs, type PredictedJob, type Width } from "./predicted-jobs.ts";

/*
 * The model, kept simple enough to be checked by hand.
 *
 * An action alone takes what its last run took; else the median of runs of its batch group, else of its op;
 * else what its rule declares; else up to the time that its resources ask for; else
 * 1 to 500 ms, if it takes no slot. An earlier run is scaled by the work that the rule declares: the ratio
 * of fixed + Σ each · count, with the counts (steps, samples) of now and of then; in proportion to Σ count where the
 * rule says no more. The size of the inputs scales it somewhere between not at all and in proportion: the
 * interval covers both, and 1.25, 1.5 or 2 times more and less on top: itself, its group, its op.
 *
 * A job takes s times what its longest member takes alone and 1 − s times what all take alone, where s is the
 * part that its rule says is shared. So n equal members take L · (s + (1 − s) · n), and the record of one of
 * them is turned back into L that way. A job that shares its work out over devices takes the fixed part of its growth
 * and, of the rest, an equal part on each; on as many as are left to it by others that wait. Its peak memory is that of
 * one member; the upper end grows by a tenth for each member beyond those that it was measured with.
 *
 * The wall time is at least that of the busiest lane, and of the longest chain. It is at most Graham's bound,
 * the sum over lanes of work / width and over a chain of time · (1 − 1 / width), and the time to start Python.
 * What is only perhaps run counts at the upper end alone.
 */

const START_SECONDS = 20;
const AS_ASKED_FOR = "no more time than its resources ask for";
const LIGHT = "an action that takes no slot takes 1–500 ms";

export interface PlanCost {
  readonly fresh: number;
  readonly restore: number;
  /** How many of these from the shared cache. */
  readonly shared: number;
  readonly run: number;
  readonly gpuRun: number;
  readonly unknown: number;
  readonly blocked: number;
  /** Actions that a person's words in a region keep from being done. */
  readonly edited: number;
  /** Seconds of work, added up over all actions of a kind. */
  readonly cpuSeconds: Interval;
  readonly gpuSeconds: Interval;
  /** Seconds until all is done. */
  readonly seconds: Interval;
  /** The most that any job takes; null when nothing is known. */
  readonly gpuMemoryBytes: Interval | null;
  /** How many of the actions that run, or may run, were told by what. */
  readonly basis: { readonly own: number; readonly similar: number; readonly prior: number };
  readonly withoutEstimate: number;
  /** Of these, how many need a GPU. */
  readonly gpuWithoutEstimate: number;
  /** Why the declared figures are what they are. */
  readonly because: readonly string[];
}

/** The width of a build on this machine, with so many CPU slots and these devices. */
export const widthOf = (
  jobs: number,
  { gpus, gpusAlike = true }: { readonly gpus: readonly string[]; readonly gpusAlike?: boolean },
): Width => ({ jobs, gpus: gpus.length, apart: !gpusAlike });

/** The width of a build of which a cluster takes something, as so many jobs at the same time; null where it takes nothing. */
export const withCluster = (
  { jobs, gpus, apart = false }: Width,
  cluster: { readonly jobs: number } | null,
): Width => ({
  jobs: Math.max(jobs, cluster?.jobs ?? 0),
  gpus: Math.max(gpus, cluster?.jobs ?? 0),
  apart: apart || cluster !== null,
});

export function planCost(plan: Plan, estimate: EstimateCost, width: Width): PlanCost {
  const counts = { fresh: 0, restore: 0, run: 0, gpuRun: 0, unknown: 0, blocked: 0, edited: 0 };
  const basis = { own: 0, similar: 0, prior: 0 };
  const because = new Set<string>();
  let [withoutEstimate, gpuWithoutEstimate, shared] = [0, 0, 0];
  const due: PlannedAction[] = [];
  for (const planned of plan.actions) {
    const { node, verdict } = planned;
    counts[verdict] += 1;
    if (verdict === "restore" && planned.from === "shared") shared += 1;
    if (verdict !== "run" && verdict !== "unknown") continue;
    const gpu = node.declaration.resources.gpu > 0;
    if (gpu && verdict === "run") counts.gpuRun += 1;
    const told = estimate(node);
    if (told === null) {
      withoutEstimate += 1;
      if (gpu) gpuWithoutEstimate += 1;
      continue;
    }
    due.push(planned);
    basis[told.basis] += 1;
    if (told.basis === "prior") because.add(reasonOf(node));
  }
  const jobs = predictJobs(due, estimate, width);
  const work = (gpu: boolean, of: "seconds" | "gpuSeconds"): Interval =>
    sum(jobs.filter((job) => job.gpu === gpu).map((job) => job[of]));
  return {
    ...counts,
    shared,
    cpuSeconds: work(false, "seconds"),
    gpuSeconds: work(true, "gpuSeconds"),
    seconds: wallTime(plan, jobs, width),
    gpuMemoryBytes: most(jobs.flatMap(({ gpuMemoryBytes }) => gpuMemoryBytes ?? [])),
    basis,
    withoutEstimate,
    gpuWithoutEstimate,
    because: [...because],
  };
}

function reasonOf({ declaration: { expected, resources } }: ActionNode): string {
  if (expected !== undefined) return expected.because;
  return resources.seconds === undefined ? LIGHT : AS_ASKED_FOR;
}

function wallTime(plan: Plan, jobs: readonly PredictedJob[], width: Width): Interval {
  const lane = (fits: (job: PredictedJob) => boolean, slots: number): Interval =>
    times(
      sum(jobs.filter(fits).map(({ seconds, over }) => times(seconds, over))),
      1 / Math.max(1, slots),
    );
  const slots = ({ gpu, light }: PredictedJob): number =>
    Math.max(1, light ? 1 : gpu ? width.gpus : width.jobs);
  const lanes = [
    lane(({ gpu }) => gpu, width.gpus),
    lane(({ gpu, light }) => !gpu && !light, width.jobs),
    lane(({ light }) => light, 1),
  ];
  const busiest = most([...lanes, longestChain(plan, jobs, () => 1)]) ?? NOTHING;
  const chain = longestChain(plan, jobs, (job) => 1 - 1 / slots(job));
  const starts = jobs.some(({ light }) => !light) ? START_SECONDS : 0;
  return { ...busiest, high: sum([...lanes, chain]).high + starts };
}

/** Along producers, in topological order. */
function longestChain(
  { actions }: Plan,
  jobs: readonly PredictedJob[],
  weight: (job: PredictedJob) => number,
): Interval {
  const seconds = new Map<ActionNode, Interval>();
  for (const job of jobs)
    for (const node of job.members) seconds.set(node, times(job.seconds, weight(job)));
  const ends = new Map<ActionNode, Interval>();
  let longest = NOTHING;
  for (const { node } of actions) {
    const start = most([...producersOf(node)].map((producer) => ends.get(producer) ?? NOTHING));
    const end = sum([start ?? NOTHING, seconds.get(node) ?? NOTHING]);
    ends.set(node, end);
    longest = most([longest, end]) ?? NOTHING;
  }
  return longest;
}
