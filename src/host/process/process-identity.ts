import * as fs from "node:fs";
import { hostname } from "node:os";
import { errorCode } from "../disk/disk.ts";

/** Tells one process from every other: also from a later one with its number, here or elsewhere. */
export interface ProcessIdentity {
  readonly host: string;
  /** Of the installed system; empty where it does not tell. */
  readonly machine: string;
  /** Of the running kernel; empty where it does not tell. After a reboot numbers and times start again. */
  readonly boot: string;
  /** Process numbers mean something only within their namespace: each container has its own. */
  readonly space: string;
  readonly pid: number;
  /** In clock ticks since boot. */
  readonly started: string;
}

/** `elsewhere` is what cannot be seen from here, as on another host or in another container. */
export type Whereabouts = "alive" | "dead" | "elsewhere";

export const identityOf = (pid: number): ProcessIdentity => ({
  host: hostname(),
  machine: read("/etc/machine-id").trim(),
  boot: read("/proc/sys/kernel/random/boot_id").trim(),
  space: processSpace(),
  pid,
  started: startOf(pid),
});

export function whereaboutsOf(other: ProcessIdentity): Whereabouts {
  const here = identityOf(process.pid);
  // The same running kernel is the same machine, even under another host name.
  const sameKernel = other.boot !== "" && other.boot === here.boot;
  const sameName = other.host === here.host && other.machine === here.machine;
  if (!sameKernel && !sameName) return "elsewhere";
  if (!sameKernel && other.boot !== here.boot) return "dead"; // this machine has rebooted since
  if (other.space !== here.space) return "elsewhere";
  const started = startOf(other.pid);
  return started === UNKNOWN || (started !== "" && started === other.started) ? "alive" : "dead";
}

/** Whether process numbers mean the same to both. */
export function sharesNumbers(other: ProcessIdentity): boolean {
  const here = identityOf(process.pid);
  return other.boot === here.boot && other.space === here.space;
}

/** A process that leads a group of its own. */
export type GroupLeader = Pick<ProcessIdentity, "pid" | "started">;

/**
 * What is left of a process and of what it started. `perhaps`: the leader is gone, and while a group
 * lasts its number is not given out again, but by now it could be another group of that number.
 */
export function groupOf({ pid, started }: GroupLeader): "lives" | "perhaps" | "gone" {
  const leader = statOf(pid);
  if (leader !== null && leader.started !== started) return "gone";
  if (leader !== null && leader.state !== "Z") return "lives";
  const others = showsProcesses() ? membersOf(pid).length > 0 : answers(-pid);
  return !others ? "gone" : leader === null ? "perhaps" : "lives";
}

/** Whether this system says which processes there are, and what they were started with. */
export const showsProcesses = (): boolean => fs.existsSync("/proc/self/stat");

/** The processes of a group that still run. */
export const membersOf = (group: number): readonly number[] =>
  fs.readdirSync("/proc").flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : null;
    return stat !== null && stat.group === group && stat.state !== "Z" ? [Number(name)] : [];
  });

export const isOfThisUser = (pid: number): boolean =>
  fs.statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === process.getuid?.();

/** The value of a variable that a process was started with; null for none, and where it may not be seen. */
export function variableOf(pid: number, name: string): string | null {
  const start = `${name}=`;
  const found = read(`/proc/${pid}/environ`)
    .split("\0")
    .find((variable) => variable.startsWith(start));
  return found === undefined ? null : found.slice(start.length);
}

function processSpace(): string {
  try {
    return fs.readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** There is such a process, but no /proc, or not for us: the number alone has to do. */
const UNKNOWN = "unknown";

/** Empty when there is no such process, or only its exit code is left. */
function startOf(pid: number): string {
  const stat = statOf(pid);
  if (stat !== null) return stat.state === "Z" ? "" : stat.started;
  return answers(pid) ? UNKNOWN : "";
}

/** Negative for a whole group. */
function answers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}

function statOf(
  pid: number,
): { readonly state: string; readonly group: number; readonly started: string } | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === "") return null;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name before it is anything
  return { state: fields[0] ?? "", group: Number(fields[2]), started: fields[19] ?? "" };
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
