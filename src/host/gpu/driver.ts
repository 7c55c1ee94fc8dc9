import { answerInTime } from "../process/answer.ts";
import { onPath } from "../process/on-path.ts";

/** What the driver says of a device; null for what it does not tell. */
export interface DeviceState {
  /** Counts all devices of the machine, in the order of their places on the bus. */
  readonly index: string;
  readonly uuid: string;
  /** Such as 0000:1b:00.0, as `/proc/driver/nvidia` has it. */
  readonly place: string;
  readonly usedBytes: number | null;
  readonly freeBytes: number | null;
  readonly mode: "default" | "exclusive" | "prohibited";
  /** That compute on it: a desktop's own drawing is not among them. */
  readonly processes: readonly DeviceProcess[];
}

export interface DeviceProcess {
  readonly pid: number;
  readonly bytes: number | null;
  readonly name: string;
}

const DEVICE_FIELDS = "index,uuid,pci.bus_id,memory.used,memory.free,compute_mode";
const PROCESS_FIELDS = "gpu_uuid,pid,used_memory,process_name";
const FORM = "--format=csv,noheader,nounits";

/** It answers within 30 ms to 2 s; one that has lost a device may never answer. */
export const PATIENCE = 10_000;

/** The driver of this machine, which is asked by its own tool. */
export class Driver {
  readonly #patience: number;
  /** It gave no answer in time: it is not waited for a second time. */
  #silent = false;

  constructor(patience = PATIENCE) {
    this.#patience = patience;
  }

  /** Whether it gave no answer in time. */
  get isSilent(): boolean {
    return this.#silent;
  }

  /** How all devices are at this moment; null where nothing can be known, or the question is given up. */
  async look(signal: AbortSignal): Promise<readonly DeviceState[] | null> {
    const tool = this.#silent ? null : onPath("nvidia-smi");
    if (tool === null) return null;
    const [devices, processes] = await Promise.all([
      this.#ask(tool, `--query-gpu=${DEVICE_FIELDS}`, signal),
      this.#ask(tool, `--query-compute-apps=${PROCESS_FIELDS}`, signal),
    ]);
    return devices === null ? null : devicesIn(devices, processes ?? "");
  }

  async #ask(tool: string, query: string, signal: AbortSignal): Promise<string | null> {
    try {
      const answer = await answerInTime(tool, [query, FORM], this.#patience, signal);
      this.#silent ||= answer === null && !signal.aborted;
      return answer?.code === 0 ? answer.stdout : null;
    } catch {
      return null; // it cannot be started
    }
  }
}

/** Lines that are none are passed over: of such a device nothing is known. */
export function devicesIn(devices: string, processes: string): readonly DeviceState[] {
  const users = rowsOf(processes, 4).flatMap(([uuid = "", pid = "", bytes = "", ...name]) =>
    isUuid(uuid) && /^\d+$/.test(pid)
      ? [{ uuid, pid: Number(pid), bytes: bytesOf(bytes), name: name.join(", ") }]
      : [],
  );
  return rowsOf(devices, 6).flatMap(
    ([index = "", uuid = "", bus = "", used = "", free = "", mode = ""]) => {
      if (!/^\d+$/.test(index) || !isUuid(uuid)) return [];
      return [
        {
          ...{ index, uuid, place: placeIn(bus), mode: modeOf(mode) },
          ...{ usedBytes: bytesOf(used), freeBytes: bytesOf(free) },
          processes: users
            .filter((user) => user.uuid === uuid)
            .map(({ pid, bytes, name }) => ({ pid, bytes, name })),
        },
      ];
    },
  );
}

const rowsOf = (text: string, least: number): readonly (readonly string[])[] =>
  text
    .split("\n")
    .map((line) => line.split(",").map((field) => field.trim()))
    .filter((fields) => fields.length >= least);

const isUuid = (text: string): boolean => /^GPU-[0-9a-f-]+$/i.test(text);

/** The tool counts in MiB; `[N/A]`, `[Not Supported]` and `[Insufficient Permissions]` are no numbers. */
const bytesOf = (text: string): number | null =>
  /^\d+$/.test(text) ? Number(text) * 2 ** 20 : null;

const modeOf = (text: string): DeviceState["mode"] =>
  text === "Prohibited" ? "prohibited" : text === "Exclusive_Process" ? "exclusive" : "default";

/** The tool writes eight digits of the domain where the system writes four: 00000000:1B:00.0. */
const placeIn = (bus: string): string => bus.toLowerCase().replace(/^0{4}(?=[0-9a-f]{4}:)/, "");
