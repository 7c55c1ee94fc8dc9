import { sizeText } from "../../model/size.ts";
import { processName } from "../process/process-name.ts";
import type { DeviceProcess, DeviceState } from "./driver.ts";

/*
 * Whether a job may run on a device that other people's processes are on. Who shares a machine would not want a job
 * to take what somebody else's job needs, nor to fail after minutes for want of memory, nor to wait for a desktop.
 *
 *   prohibited   never: who set the mode wants no process there
 *   taken        waits: the device takes one process, and somebody has it
 *   crowded      waits: the memory that the job needs would be there, were it not for others
 *   small        runs, if there is no other: the device never has that much, so the figure may be wrong
 *   shared       runs, if there is no other, and is told with a word: nobody knows what the job needs
 *   beside       runs, if there is no free one: there are others, and enough is left
 *   free         runs
 */
export type Standing = "free" | "beside" | "shared" | "small" | "crowded" | "taken" | "prohibited";

const RANK: Readonly<Record<Standing, number>> = {
  free: 0,
  beside: 1,
  shared: 2,
  small: 3,
  crowded: 4,
  taken: 5,
  prohibited: 6,
};

export const rankOf = (standing: Standing): number => RANK[standing];

/** Whether a job may begin there now. */
export const mayRun = (standing: Standing): boolean => RANK[standing] <= RANK.small;

export interface Need {
  /** Device memory of the job on each of its devices; null where nobody knows. */
  readonly bytes: number | null;
  /** Processes of this aqm that are left on devices, with all that they started. */
  readonly ours: ReadonlySet<number>;
  /** One of them is left on this device. */
  readonly resident: boolean;
}

export interface View {
  readonly standing: Standing;
  /** In words, who else is on the device and what that leaves; empty for a free one. */
  readonly why: string;
  /** Tells the same others from new ones, whatever they hold at the moment. */
  readonly who: string;
}

/** The variable of a user who knows better than the figures. */
export const SHARE = "AQM_SHARE_GPUS";

/** Less than that is what a desktop takes, or a driver: no job waits for it, and no figure is that exact. */
const LITTLE_BYTES = 2 ** 30;

/**
 * From this part of a device on, memory of processes that are not shown is somebody's job, as in another container. A
 * desktop's is not shown either, nor that of another system on the same machine, and nobody would wait for their end.
 */
const MUCH = 1 / 2;

/** @param state null where the driver says nothing of the device, as of a part of one */
export function viewOf(state: DeviceState | null, need: Need): View {
  if (state === null) return FREE;
  const mine = state.processes.filter(({ pid }) => need.ours.has(pid));
  const others = state.processes.filter(({ pid }) => !need.ours.has(pid));
  const hidden = hiddenBytes(state);
  const view = (standing: Standing): View => ({
    standing,
    why: whyOf(state, standing, others, hidden, need),
    who: [standing, ...others.map(({ pid }) => pid)].join(),
  });
  if (state.mode === "prohibited") return view("prohibited");
  // Numbers of processes mean something else here, or are not told: any of the others may be our own.
  if (need.resident && mine.length === 0) return FREE;
  if (state.mode === "exclusive" && others.length > 0) return view("taken");
  const isShared = others.length > 0 || hidden > 0;
  const { usedBytes, freeBytes } = state;
  if (need.bytes === null || freeBytes === null || usedBytes === null)
    return isShared ? view("shared") : FREE;
  const held = usedBytes - sumOf(mine);
  if (need.bytes <= freeBytes + sumOf(mine)) return isShared ? view("beside") : FREE;
  const isTheirs = isShared && held >= LITTLE_BYTES && need.bytes <= freeBytes + usedBytes;
  return view(isTheirs ? "crowded" : "small");
}

const FREE: View = { standing: "free", why: "", who: "" };

/** Memory that is in use, and of no process that the driver shows. */
function hiddenBytes({ usedBytes, freeBytes, processes }: DeviceState): number {
  if (usedBytes === null || freeBytes === null) return 0;
  if (processes.some(({ bytes }) => bytes === null)) return 0;
  const rest = usedBytes - sumOf(processes);
  return rest >= MUCH * (usedBytes + freeBytes) ? rest : 0;
}

const sumOf = (processes: readonly DeviceProcess[]): number =>
  processes.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);

function whyOf(
  { freeBytes }: DeviceState,
  standing: Standing,
  others: readonly DeviceProcess[],
  hidden: number,
  { bytes }: Need,
): string {
  if (standing === "prohibited")
    return "its compute mode is Prohibited, so that no process may use it";
  const named = [
    ...others.map((one) => `${processName(one.pid, one.name)}${heldText(one.bytes)}`),
    ...(hidden === 0 ? [] : [`a process that is not shown here${heldText(hidden)}`]),
  ];
  const who = named.join(", and ");
  if (standing === "taken") return `${who}; its compute mode lets one process use it`;
  if (bytes === null || freeBytes === null) return who;
  const room = `${sizeText(freeBytes)} are free, about ${sizeText(bytes)} are needed`;
  return who === "" ? room : `${who}; ${room}`;
}

const heldText = (bytes: number | null): string =>
  bytes === null ? "" : `, which holds ${sizeText(bytes)}`;
