import { batchGroup } from "../graph/batch.ts";
import type { ActionNode } from "../graph/graph.ts";
import { gpusUpTo, widest } from "../model/declaration.ts";
import {
  sharedOutRatio,
  sharedPart,
  timeTogether,
  type Estimate,
  type EstimateCost,
  type Interval,
} from "./estimate.ts";
import { most, times } from "./intervals.ts";
import type { PlannedAction } from "./plan.ts";
import { claimOf, sharedDevices } from "./shared-devices.ts";

const MEMORY_OF_A_MEMBER = 0.1;

export interface Width {
  readonly jobs: number;
  readonly gpus: number;
  /** Whether a job gets no device beyond those that it needs: on a cluster, and among devices of several kinds. */
  readonly apart?: boolean;
}

export interface PredictedJob {
  readonly members: readonly ActionNode[];
  readonly gpu: boolean;
  readonly light: boolean;
  /** Devices that it takes all the time, beyond which others are free. */
  readonly over: number;
  readonly seconds: Interval;
  readonly gpuSeconds: Interval;
  readonly gpuMemoryBytes: Interval | null;
}

/** The jobs of a build, as the scheduler would make them if everything were ready at once. */
export function predictJobs(
  due: readonly PlannedAction[],
  estimate: EstimateCost,
  { jobs, gpus, apart = false }: Width,
): readonly PredictedJob[] {
  const groups = new Map<unknown, PlannedAction[]>();
  for (const planned of due) {
    const group = batchGroup(planned.node.declaration) ?? planned.node;
    const members = groups.get(group);
    if (members === undefined) groups.set(group, [planned]);
    else members.push(planned);
  }
  const units = [...groups.values()].map((members) => {
    const { node } = widestOf(members);
    const { resources } = node.declaration;
    const alone = members.map((member) => estimate(member.node)?.seconds.likely ?? 0);
    const load = {
      members: members.length,
      longest: Math.max(...alone),
      sum: alone.reduce((total, one) => total + one, 0),
      shared: sharedPart(node),
    };
    const sharesOut = !apart && gpusUpTo(resources) > resources.gpu;
    return { members, node, sharesOut, claim: claimOf(node, load, apart) };
  });
  const claims = units.map(({ claim }) => claim);
  // Where there are fewer devices than jobs, one job comes after the other: with how many is found out then.
  const shared = sharedDevices(claims, gpus) ?? claims.map(({ least }) => least);
  return units.flatMap(({ members, node, sharesOut }, at) => {
    const { resources, batch } = node.declaration;
    const { cpu, gpu } = resources;
    const slots = gpu > 0 ? Math.floor(gpus / gpu) : Math.floor(jobs / Math.max(1, cpu));
    const spread = Math.ceil(members.length / Math.max(1, sharesOut ? 1 : slots));
    const size = Math.min(spread, batch?.most ?? Infinity);
    const count = Math.ceil(members.length / size);
    const over = sharesOut ? (shared[at] ?? gpu) : 1;
    return Array.from({ length: count }, (_, job) =>
      predictJob(members.slice(job * size, (job + 1) * size), estimate, over),
    );
  });
}

function widestOf(members: readonly PlannedAction[]): PlannedAction {
  const found = widest(members, ({ node }) => node.declaration.resources);
  if (found === undefined) throw new Error("a job without members");
  return found;
}

/** @param over devices that the job shares its work out over */
function predictJob(
  members: readonly PlannedAction[],
  estimate: EstimateCost,
  over: number,
): PredictedJob {
  const first = widestOf(members);
  const told = members.flatMap(({ node }) => estimate(node) ?? []);
  const sure = members.flatMap(({ node, verdict }) =>
    verdict === "run" ? (estimate(node) ?? []) : [],
  );
  const time = (of: "seconds" | "gpuSeconds"): Interval => {
    const end = (estimates: readonly Estimate[], at: keyof Interval): number =>
      timeTogether(
        first.node,
        estimates.map((one) => one[of][at]),
      );
    return { low: end(sure, "low"), likely: end(sure, "likely"), high: end(told, "high") };
  };
  const { cpu, gpu } = first.node.declaration.resources;
  const ratio = over === 1 ? 1 : sharedOutRatio(first.node, over);
  return {
    members: members.map(({ node }) => node),
    gpu: gpu > 0,
    light: gpu === 0 && cpu === 0,
    over,
    seconds: times(time("seconds"), ratio),
    gpuSeconds: times(time("gpuSeconds"), ratio * over),
    gpuMemoryBytes: memoryOf(told, members.length),
  };
}

function memoryOf(told: readonly Estimate[], members: number): Interval | null {
  return most(
    told.flatMap(({ gpuMemoryBytes, together }) => {
      if (gpuMemoryBytes === null) return [];
      const crowd = 1 + MEMORY_OF_A_MEMBER * Math.max(0, members - together);
      return [{ ...gpuMemoryBytes, high: gpuMemoryBytes.high * crowd }];
    }),
  );
}
