import { batchGroup } from "../graph/batch.ts";
import type { ActionNode } from "../graph/graph.ts";
import { gpusUpTo, widest } from "../model/declaration.ts";
import {
  sharedOutRatio,
  timeTogether,
  type Estimate,
  type EstimateCost,
  type Interval,
} from "./estimate.ts";
import { most, times } from "./intervals.ts";
import type { PlannedAction } from "./plan.ts";
import { sharedDevices, type Claim } from "./shared-devices.ts";

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
  const all = [...groups.values()];
  const claims = all.map((members) => claimOf(members, estimate, apart));
  // Where there are fewer devices than jobs, one job comes after the other: with how many is found out then.
  const shared = sharedDevices(claims, gpus) ?? claims.map(({ least }) => least);
  return all.flatMap((members, at) => {
    const [claim, devices = 0] = [claims[at], shared[at]];
    const first = widest(members, ({ node }) => node.declaration.resources);
    const { resources, batch } = first?.node.declaration ?? {};
    const { cpu = 0, gpu = 0 } = resources ?? {};
    const sharesOut = claim?.sharesOut === true;
    const leases = sharesOut
      ? 1
      : gpu > 0
        ? Math.floor(gpus / gpu)
        : Math.floor(jobs / Math.max(1, cpu));
    const spread = Math.ceil(members.length / Math.max(1, leases));
    const size = Math.min(spread, batch?.most ?? Infinity);
    const count = Math.ceil(members.length / size);
    return Array.from({ length: count }, (_, job) =>
      predictJob(
        members.slice(job * size, (job + 1) * size),
        estimate,
        sharesOut ? Math.max(gpu, devices) : 1,
      ),
    );
  });
}

/** A group as it waits for devices. */
function claimOf(
  members: readonly PlannedAction[],
  estimate: EstimateCost,
  apart: boolean,
): Claim & { readonly sharesOut: boolean } {
  const first = widest(members, ({ node }) => node.declaration.resources);
  if (first === undefined) return { least: 0, most: 0, seconds: () => 0, sharesOut: false };
  const { resources } = first.node.declaration;
  const { gpu } = resources;
  const alone = timeTogether(
    first.node,
    members.map(({ node }) => estimate(node)?.seconds.likely ?? 0),
  );
  const sharesOut = !apart && gpusUpTo(resources) > gpu;
  return {
    least: gpu,
    // What needs no device is not given any.
    most: sharesOut ? gpusUpTo(resources) : gpu * members.length,
    seconds: (devices) =>
      alone * (sharesOut ? sharedOutRatio(first.node, devices) : gpu / Math.max(gpu, devices)),
    sharesOut,
  };
}

/** @param over devices that the job shares its work out over */
function predictJob(
  members: readonly PlannedAction[],
  estimate: EstimateCost,
  over: number,
): PredictedJob {
  const first = widest(members, ({ node }) => node.declaration.resources);
  if (first === undefined) throw new Error("a job without members");
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
