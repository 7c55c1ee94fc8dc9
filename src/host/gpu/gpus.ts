import * as fs from "node:fs";
import { join } from "node:path";

/** Where the system tells of devices; tests have their own. */
export interface DeviceFolders {
  readonly proc: string;
  readonly dev: string;
}

const SYSTEM: DeviceFolders = { proc: "/proc", dev: "/dev" };

/**
 * The GPU devices of this machine as `CUDA_VISIBLE_DEVICES` would name them. An outer
 * `CUDA_VISIBLE_DEVICES` is obeyed. Looking at `/dev` costs microseconds; asking the driver's own
 * tool costs up to a second, too much for a build that has nothing to do.
 */
export function visibleGpus({ dev } = SYSTEM): readonly string[] {
  const outer = process.env["CUDA_VISIBLE_DEVICES"];
  if (outer !== undefined) {
    return outer
      .split(",")
      .map((id) => id.trim())
      .filter((id) => id !== "" && id !== "-1");
  }
  const devices = fs.existsSync(dev) ? fs.readdirSync(dev) : [];
  // A container may have only nvidia3; an index counts what is there.
  return devices.filter((name) => /^nvidia\d+$/.test(name)).map((_, index) => String(index));
}

/**
 * One name for each device, however it was given: where it sits on the bus. An index counts the devices
 * that this process may open, in the order of their places, as CUDA does for a runner. A part of a
 * device (MIG), and anything on a machine that does not tell, keeps its name.
 */
export function placeOfGpu(id: string, folders = SYSTEM): string {
  const devices = devicesOf(folders);
  if (/^\d+$/.test(id)) {
    return devices.filter(({ usable }) => usable)[Number(id)]?.place ?? id;
  }
  const named = /^GPU-/.test(id) ? devices.filter(({ uuid }) => uuid.startsWith(id)) : [];
  return named.length === 1 ? (named[0]?.place ?? id) : id; // the start of a UUID will do for CUDA
}

/** What kind of machine a job sees, as a file name: what is compiled for one may not run on another. */
export function machineKind(gpus: readonly string[], folders = SYSTEM): string {
  const devices = devicesOf(folders);
  const models = gpus.map((id) => {
    const place = placeOfGpu(id, folders);
    return devices.find((device) => device.place === place)?.model ?? "gpu";
  });
  const kinds = [...new Set(models)].sort().join("+") || "cpu";
  return kinds.toLowerCase().replaceAll(/[^a-z0-9+]+/g, "-");
}

/** Without second names of the same device. */
export function distinctGpus(ids: readonly string[], folders = SYSTEM): readonly string[] {
  const places = new Map<string, string>();
  const plain = ids.every((id) => /^\d+$/.test(id));
  for (const id of ids) {
    const place = plain ? id : placeOfGpu(id, folders);
    if (!places.has(place)) places.set(place, id);
  }
  return [...places.values()];
}

interface Device {
  /** Such as 0000:1b:00.0. */
  readonly place: string;
  readonly uuid: string;
  readonly model: string;
  /** False for devices of other jobs, which the system may show but not let us open. */
  readonly usable: boolean;
}

function devicesOf({ proc, dev }: DeviceFolders): readonly Device[] {
  const folder = join(proc, "driver/nvidia/gpus");
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .sort()
    .map((place) => {
      const text = fs.readFileSync(join(folder, place, "information"), "utf8");
      const field = (name: string): string =>
        new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(text)?.[1] ?? "";
      const node = join(dev, `nvidia${field("Device Minor")}`);
      const model = /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? "gpu";
      return { place, uuid: field("GPU UUID"), model, usable: canOpen(node) };
    });
}

function canOpen(path: string): boolean {
  try {
    fs.closeSync(fs.openSync(path, "r+"));
    return true;
  } catch {
    return false;
  }
}
