import type { DevicePool } from "./device-pool.ts";
import type { DeviceRequest } from "./device-request.ts";
import type { DeviceState } from "./driver.ts";
import { letGo, type GpuLease, type GpuLeases } from "./gpu-leases.ts";
import { sightOf, type ChosenDevices } from "./sight.ts";
import { rankOf } from "./standing.ts";

/** What a job may take further devices from. */
export interface Place {
  readonly leases: GpuLeases;
  readonly pool: DevicePool;
  /** What the driver says of all devices; null where nothing is known. */
  readonly states: readonly DeviceState[] | null;
}

/**
 * With the devices that a job needs, those further ones that it can share its work out over: what the schedule counts
 * for it and nobody is on. None is waited for, and the first stays the first.
 */
export async function sharedOut(
  needed: ChosenDevices,
  request: DeviceRequest,
  place: Place,
): Promise<ChosenDevices> {
  const { more = [] } = request;
  if (more.length === 0) return needed;
  const counted = [...request.devices, ...more];
  const taken: ChosenDevices[] = [];
  const without: string[] = [];
  for (const device of counted.filter((one) => !needed.devices.includes(one))) {
    if (taken.length === more.length) break;
    const found = await taking(device, request, place);
    if (typeof found === "string") without.push(`GPU ${device} (${found})`);
    else taken.push(found);
  }
  const devices = [...needed.devices, ...taken.flatMap((one) => one.devices)];
  if (without.length > 0) {
    const message = `runs on GPU ${devices.join(", ")} and not on ${without.join(" or ")}`;
    request.tell({ type: "devices_changed", devices, message });
  }
  return { devices, lease: together(needed.lease, taken) };
}

/** Returns why the job does without a device, or the device, with nobody of this process left on it. */
async function taking(
  device: string,
  { target, bytes }: DeviceRequest,
  { leases, pool, states }: Place,
): Promise<ChosenDevices | string> {
  if (!pool.takeNow([device])) return "another job of this build has it";
  const lease = await leases.acquireNow([device], target);
  if (lease === null) {
    pool.giveBack([device]);
    return "another build has it";
  }
  const found = { devices: [device], lease };
  const view = states === null ? null : sightOf(leases, states, found, bytes).view(device);
  if (view !== null && rankOf(view.standing) > rankOf("beside")) {
    await letGo(lease);
    pool.giveBack([device]);
    return view.why;
  }
  await lease.resident?.leave();
  return found;
}

/** A runner is left on the first devices alone: what it starts on the others ends with each job. */
const together = (first: GpuLease, others: readonly ChosenDevices[]): GpuLease => ({
  resident: first.resident,
  addWorker: (pid) => {
    for (const { addWorker } of [first, ...others.map(({ lease }) => lease)]) addWorker(pid);
  },
  release: async () => {
    await first.release();
    for (const { lease } of others) lease.leave();
  },
  leave: () => {
    for (const { leave } of [first, ...others.map(({ lease }) => lease)]) leave();
  },
  park: (resident) => {
    for (const { lease } of others) lease.leave();
    first.park(resident);
  },
});
