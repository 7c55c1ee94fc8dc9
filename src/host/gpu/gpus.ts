import * as fs from "node:fs";
import { join } from "node:path";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** Where the system tells of devices; tests have their own. */
export interface DeviceFolders {
  readonly proc: string;
  readonly dev: string;
}

const SYSTEM: DeviceFolders = { proc: "/proc", dev: "/dev" };

/** What a build uses, and what there is to say of the rest; null where there is none. */
export interface UsedGpus {
  readonly gpus: readonly string[];
  readonly leftOut: string | null;
}

/**
 * The GPU devices that this process may use, as `CUDA_VISIBLE_DEVICES` would name them. An outer
 * `CUDA_VISIBLE_DEVICES` is obeyed. Looking at `/dev` costs microseconds; asking the driver's own
 * tool costs up to a second, too much for a build that has nothing to do.
 */
export function visibleGpus(folders = SYSTEM): readonly string[] {
  const outer = process.env["CUDA_VISIBLE_DEVICES"];
  if (outer !== undefined) return shownBy(outer, folders);
  const devices = fs.existsSync(folders.dev) ? fs.readdirSync(folders.dev) : [];
  // A container may have only nvidia3; an index counts what is there.
  return devices.filter((name) => /^nvidia\d+$/.test(name)).map((_, index) => String(index));
}

/** As CUDA reads it: from the first name that is none on, it sees nothing. A device that is named twice is one. */
function shownBy(list: string, folders: DeviceFolders): readonly string[] {
  const shown: string[] = [];
  for (const word of list.split(",")) {
    const text = word.trim();
    const number = /^\d+/.exec(text)?.[0];
    const name = number === undefined ? text : String(Number(number));
    if (!isForm(name) || isUnknown(name, folders)) break;
    shown.push(name);
  }
  return distinctGpus(shown, folders);
}

/** Devices that a person names; refused where this machine tells that it has no such device. */
export function namedGpus(list: string, folders = SYSTEM): Result<readonly string[], Failure> {
  const names = list.split(",").flatMap((word) => word.trim() || []);
  const usable = devicesOf(folders).filter((device) => device.usable);
  const isOther = (name: string): boolean =>
    !name.startsWith("MIG-") &&
    tellsOfDevices(folders) &&
    !usable.some(({ place }) => place === placeOfGpu(name, folders));
  const wrong = names.find((name) => !isForm(name) || isUnknown(name, folders) || isOther(name));
  if (wrong === undefined) return ok(distinctGpus(names, folders));
  const here = usable.map(({ model, uuid }, index) => `${index} (${model}, ${uuid})`);
  return err({
    reason: "usage",
    message: `${wrong} names no GPU of this machine, or several`,
    nextStep:
      here.length > 0
        ? `Name some of these: ${here.join(", ")}.`
        : "Name devices by index, by UUID (GPU-…), or parts of devices (MIG-…): --gpus 0,1.",
  });
}

const isForm = (name: string): boolean => /^(?:\d+$|GPU-|MIG-)/.test(name);

/** Whether the machine tells of its devices, and not of one that goes by this name. */
function isUnknown(name: string, folders: DeviceFolders): boolean {
  const listed = informationOf(folders.proc);
  if (name.startsWith("MIG-") || listed.length === 0) return false;
  if (/^\d+$/.test(name)) return Number(name) >= listed.length;
  return listed.filter(({ text }) => fieldOf(text, "GPU UUID").startsWith(name)).length !== 1;
}

/**
 * What a build uses without `--gpus`. Bits depend on the kind of device, and results of one build should be
 * comparable. So all devices are of the kind of which there are most, or of the first one's.
 */
export function ofOneKind(ids: readonly string[], folders = SYSTEM): UsedGpus {
  if (ids.length < 2 || modelsOf(folders).size < 2) return { gpus: ids, leftOut: null };
  const byKind = new Map<string, string[]>();
  const devices = devicesOf(folders);
  for (const id of ids) {
    const place = placeOfGpu(id, folders);
    const kind = devices.find((device) => device.place === place)?.model ?? "of another kind";
    byKind.set(kind, [...(byKind.get(kind) ?? []), id]);
  }
  const [first, ...others] = [...byKind].sort(([, a], [, b]) => b.length - a.length);
  if (first === undefined || others.length === 0) return { gpus: ids, leftOut: null };
  const named = ([kind, gpus]: [string, string[]]): string => `GPU ${gpus.join(", ")} (${kind})`;
  const leftOut = `uses ${named(first)} and not ${others.map(named).join(" or ")}, since bits depend on the kind of device; --gpus chooses`;
  return { gpus: first[1], leftOut };
}

/**
 * Whether a job may share its work out over these: bits depend on the kind of device. Of parts of devices (MIG)
 * nobody tells which are alike.
 */
export function areAlike(ids: readonly string[], folders = SYSTEM): boolean {
  if (ids.length < 2) return true;
  if (ids.some((id) => id.startsWith("MIG-"))) return false;
  if (modelsOf(folders).size < 2) return true;
  const devices = devicesOf(folders);
  const kinds = ids.map((id) => {
    const place = placeOfGpu(id, folders);
    return devices.find((device) => device.place === place)?.model;
  });
  return new Set(kinds).size === 1;
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
  return informationOf(proc).map(({ place, text }) => {
    const node = join(dev, `nvidia${fieldOf(text, "Device Minor")}`);
    const [uuid, model] = [fieldOf(text, "GPU UUID"), fieldOf(text, "Model") || "gpu"];
    return { place, uuid, model, usable: canOpen(node) };
  });
}

/** To open an idle device can take a second, so no device is opened where only kinds matter. */
const modelsOf = ({ proc }: DeviceFolders): ReadonlySet<string> =>
  new Set(informationOf(proc).map(({ text }) => fieldOf(text, "Model")));

const tellsOfDevices = ({ proc }: DeviceFolders): boolean => informationOf(proc).length > 0;

function informationOf(proc: string): readonly { place: string; text: string }[] {
  const folder = join(proc, "driver/nvidia/gpus");
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .sort()
    .map((place) => ({
      place,
      text: fs.readFileSync(join(folder, place, "information"), "utf8"),
    }));
}

const fieldOf = (text: string, name: string): string =>
  new RegExp(`^${name}:\\s*(.+)$`, "m").exec(text)?.[1]?.trim() ?? "";

function canOpen(path: string): boolean {
  try {
    fs.closeSync(fs.openSync(path, "r+"));
    return true;
  } catch {
    return false;
  }
}
