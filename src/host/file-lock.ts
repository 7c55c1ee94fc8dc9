import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import {
  disk,
  diskFailure,
  errorCode,
  readTextIfExists,
  removeAbandoned,
  temporaryName,
} from "./disk.ts";
import { cancelled } from "./runner/failures.ts";

interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Tells a process from a later one with the same number. */
  readonly started: string;
  readonly purpose: string;
  readonly token: string;
}

const POLL = 200;

/**
 * A lock file that names its owner. Taking it is `link(2)` of a finished file, so nobody ever reads
 * half an owner; a dead owner on this host is found out by its process number and start time.
 *
 * @returns a function that gives the lock back
 */
export async function acquireFileLock(
  path: string,
  purpose: string,
  waiting: (owner: string) => void,
  signal: AbortSignal,
): Promise<Result<() => Promise<void>, Failure>> {
  const mine: Owner = {
    host: hostname(),
    pid: process.pid,
    started: startOf(process.pid),
    purpose,
    token: randomBytes(8).toString("hex"),
  };
  const draft = temporaryName(path);
  const link = (to: string): boolean => {
    try {
      disk.link(draft, to);
      return true;
    } catch (error) {
      if (errorCode(error) === "EEXIST") return false;
      if (errorCode(error) !== "ENOENT") throw error;
      // Somebody removed the state folder, or took the draft of another host's process for abandoned.
      disk.makeFolder(dirname(path));
      disk.remove(draft);
      disk.writeNew(draft, JSON.stringify(mine));
      return false;
    }
  };
  try {
    disk.makeFolder(dirname(path));
    disk.writeNew(draft, JSON.stringify(mine));
    removeLeftovers(path, link);
    let told = "";
    for (;;) {
      if (link(path)) return ok(() => release(path, mine.token));
      const owner = readOwner(path);
      if (owner === null) {
        if (!(await pause(1, signal))) return err(cancelled());
        continue; // given back in between
      }
      if (isDead(owner)) {
        takeOver(path, owner, link);
        if (!(await pause(1, signal))) return err(cancelled());
        continue;
      }
      const description = describe(owner, path);
      if (description !== told) waiting(description);
      told = description;
      if (!(await pause(POLL, signal))) return err(cancelled());
    }
  } catch (error) {
    return err(diskFailure(error, path));
  } finally {
    if (fs.existsSync(draft)) disk.remove(draft);
  }
}

/**
 * Removes a dead owner's lock. Only who holds the claim on that very owner may, so a live lock is never
 * removed. A claim is a lock like any other: if its holder was killed too, it is taken over likewise.
 */
function takeOver(path: string, dead: Owner, link: (to: string) => boolean): void {
  const claim = `${path}.takeover-${encodeURIComponent(dead.token)}`;
  if (!link(claim)) {
    const holder = readOwner(claim);
    if (holder !== null && isDead(holder)) takeOver(claim, holder, link);
    return;
  }
  try {
    if (readOwner(path)?.token === dead.token) disk.remove(path);
  } finally {
    disk.remove(claim);
  }
}

/** What processes left that were killed while they waited or took over. */
function removeLeftovers(path: string, link: (to: string) => boolean): void {
  const folder = dirname(path);
  removeAbandoned(folder);
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith(`${basename(path)}.takeover-`)) continue;
    const claim = join(folder, name);
    const holder = readOwner(claim);
    if (holder !== null && isDead(holder)) takeOver(claim, holder, link);
  }
}

function release(path: string, token: string): Promise<void> {
  if (readOwner(path)?.token === token) disk.remove(path);
  return Promise.resolve();
}

function readOwner(path: string): Owner | null {
  const text = readTextIfExists(path);
  if (text === null) return null;
  try {
    const owner = JSON.parse(text) as Owner | null;
    if (typeof owner?.token === "string" && typeof owner.pid === "number") return owner;
    throw new Error("not an owner");
  } catch {
    return { host: hostname(), pid: 0, started: "", purpose: "", token: "" }; // damaged: nobody's
  }
}

function isDead(owner: Owner): boolean {
  if (owner.host !== hostname()) return false;
  return owner.pid === 0 || startOf(owner.pid) !== owner.started;
}

/** When a process started, in clock ticks since boot; empty when there is no such process. */
function startOf(pid: number): string {
  const stat = readTextIfExists(`/proc/${pid}/stat`);
  if (stat !== null) {
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? "" : (fields[19] ?? "");
  }
  if (fs.existsSync("/proc/self/stat")) return "";
  try {
    process.kill(pid, 0);
    return "alive"; // no /proc on this system: the number alone has to do
  } catch (error) {
    return errorCode(error) === "EPERM" ? "alive" : "";
  }
}

/** Nobody here can see whether a process of another host is alive: that is for the user to say. */
function describe({ host, pid, purpose }: Owner, path: string): string {
  if (host === hostname()) return `process ${pid}, which builds ${purpose}`;
  return `process ${pid} on ${host}, which builds ${purpose} (if it is dead, delete ${path})`;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const done = (value: boolean) => (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      resolve(value);
    };
    const timer = setTimeout(() => done(true)(), milliseconds);
    const aborted = done(false);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
