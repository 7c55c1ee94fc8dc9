import { membersOf, showsProcesses } from "../process/process-identity.ts";
import type { DeviceState } from "./driver.ts";
import type { GpuLease, GpuLeases } from "./gpu-leases.ts";
import { viewOf, type View } from "./standing.ts";

/** Devices, and the lease that a job has of them. */
export interface ChosenDevices {
  readonly devices: readonly string[];
  readonly lease: GpuLease;
}

/** How the devices of this machine stand to a job at one moment. */
export interface Sight {
  readonly view: (device: string) => View;
  /** Of all that processes can have, in steps of 8 GB: devices of one kind differ by a few pages. */
  readonly size: (device: string) => number;
}

const STEP_BYTES = 8e9;

/**
 * @param states what the driver says
 * @param held what the job has now
 * @param bytes device memory that it needs on each device; null where no figure is known
 */
export function sightOf(
  leases: Pick<GpuLeases, "residents" | "placeOf">,
  states: readonly DeviceState[],
  held: ChosenDevices,
  bytes: number | null,
): Sight {
  const left = leases.residents;
  const own = held.lease.resident === null ? [] : [held.lease.resident.pid];
  const pids = [...left.values(), ...own];
  const ours = new Set(pids.flatMap((pid) => [pid, ...(showsProcesses() ? membersOf(pid) : [])]));
  const views = new Map<string, View>();
  const stateOf = (device: string): DeviceState | null =>
    stateAt(states, device, leases.placeOf(device));
  const look = (device: string): View => {
    const resident = held.devices.includes(device)
      ? own.length > 0
      : left.has(leases.placeOf(device));
    return viewOf(stateOf(device), { bytes, ours, resident });
  };
  return {
    view: (device) => {
      const view = views.get(device) ?? look(device);
      views.set(device, view);
      return view;
    },
    size: (device) => {
      const { usedBytes = 0, freeBytes = 0 } = stateOf(device) ?? {};
      return Math.round(((usedBytes ?? 0) + (freeBytes ?? 0)) / STEP_BYTES);
    },
  };
}

/** Where the system tells of no places, a device goes by the name that the driver's tool has for it. */
function stateAt(
  states: readonly DeviceState[],
  device: string,
  place: string,
): DeviceState | null {
  const isIt = ({ index, uuid, ...state }: DeviceState): boolean => {
    if (place !== device) return state.place === place;
    return /^\d+$/.test(device) ? index === device : uuid.startsWith(device);
  };
  const [found, ...more] = states.filter(isIt);
  return found === undefined || more.length > 0 ? null : found;
}
