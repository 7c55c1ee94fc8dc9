import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { disk, errorCode, putInPlace, temporaryName } from "../disk/disk.ts";
import { removeAbandoned } from "../disk/abandoned.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { endGroup } from "./process.ts";
import {
  groupOf,
  identityOf,
  sharesNumbers,
  showsProcesses,
  whereaboutsOf,
  type GroupLeader,
  type ProcessIdentity,
  type Whereabouts,
} from "./process-identity.ts";
import { cancelled } from "./cancelled.ts";
import { readFileText } from "../disk/bounded-read.ts";
import { isProven, proofOf } from "./worker-proof.ts";

interface Owner extends ProcessIdentity {
  readonly purpose: string;
  readonly token: string;
  /** Process groups that work for the owner: the lock is theirs, too, should it die before them. */
  readonly workers: readonly Worker[];
}

interface Worker extends GroupLeader {
  /** Says that the owner started it: see `worker-proof.ts`. */
  readonly proof: string;
}

export interface FileLock {
  /** From now on the lock is not free before this process, and all of its group, has ended. */
  readonly addWorker: (pid: number) => void;
  /** Whether somebody waits for it. */
  readonly isWanted: () => boolean;
  readonly release: () => void;
}

const POLL = 200;

/** A lock that is given back by calling what it returns. */
export async function acquireFileLock(
  path: string,
  purpose: string,
  waiting: (owner: string) => void,
  signal: AbortSignal,
): Promise<Result<() => Promise<void>, Failure>> {
  const lock = await takeFileLock(path, purpose, waiting, signal);
  if (!lock.ok) return lock;
  return ok(() => {
    lock.value.release();
    return Promise.resolve();
  });
}

/**
 * A lock file that names its owner. Taking it is `link(2)` of a finished file, so no process ever reads
 * half an owner; see `process-identity.ts` for how a dead one is told.
 */
export async function takeFileLock(
  path: string,
  purpose: string,
  waiting: (owner: string) => void,
  signal: AbortSignal,
): Promise<Result<FileLock, Failure>> {
  const token = randomBytes(8).toString("hex");
  const mine: Owner = { ...identityOf(process.pid), purpose, token, workers: [] };
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
      disk.writeNew(draft, textOf(mine));
      return false;
    }
  };
  let told = "";
  const tell = (text: string): void => {
    if (text !== told) waiting(text);
    told = text;
  };
  try {
    disk.makeFolder(dirname(path));
    disk.writeNew(draft, textOf(mine));
    removeLeftovers(path, link);
    for (;;) {
      if (link(path)) return ok(lockOf(path, mine));
      const owner = readOwner(path);
      let patience = 1; // given back in between
      if (owner !== null && stateOf(owner) === "dead") {
        const left = leftWorker(path, owner);
        if (left === undefined) takeOver(path, owner, link);
        else {
          tell(`process ${left.pid}, which a killed aqm left behind, and what it started`);
          // Its results are not wanted, and one that hangs would not notice that it is an orphan.
          if (showsProcesses()) endGroup(left.pid);
        }
      } else if (owner !== null) {
        tell(describe(owner, path));
        patience = POLL;
      }
      if (!(await pause(patience, signal))) return err(cancelled());
    }
  } catch (error) {
    return err(diskFailure(error, path));
  } finally {
    if (fs.existsSync(draft)) disk.remove(draft);
  }
}

const isLeft = (worker: GroupLeader): boolean => groupOf(worker) !== "gone";

/**
 * A worker of a dead owner that still runs. Anybody who can write the file can name any process in it, so only
 * what the owner provably started counts. Where a system does not show that, such a group is waited for and
 * not ended.
 */
function leftWorker(path: string, owner: Owner): Worker | undefined {
  if (!sharesNumbers(owner)) return undefined;
  return owner.workers.find((worker) => {
    if (!isLeft(worker)) return false;
    return !showsProcesses() || isProven(worker.pid, worker.proof, path, owner.token);
  });
}

function lockOf(path: string, owner: Owner): FileLock {
  let mine = owner;
  return {
    addWorker: (pid) => {
      if (mine.workers.some((worker) => worker.pid === pid)) return;
      const { started } = identityOf(pid);
      const worker = { pid, started, proof: proofOf(path, mine.token) };
      mine = { ...mine, workers: [...mine.workers.filter(isLeft), worker] };
      if (readOwner(path)?.token !== mine.token) return; // lost: somebody deleted the file
      putInPlace(path, (temporary) => disk.writeNew(temporary, textOf(mine)));
    },
    isWanted: () => {
      if (!fs.existsSync(path)) return false; // somebody deleted it
      removeAbandoned(dirname(path));
      const isDraft = (name: string): boolean =>
        name.startsWith(`${basename(path)}.`) && name.endsWith(".tmp");
      return fs.readdirSync(dirname(path)).some(isDraft);
    },
    release: () => {
      if (readOwner(path)?.token === mine.token) disk.remove(path);
    },
  };
}

/**
 * Removes a dead owner's lock. Only who holds the claim on that very owner may, so a live lock is never
 * removed. A claim is a lock like any other: if its holder was killed too, it is taken over likewise.
 */
function takeOver(path: string, dead: Owner, link: (to: string) => boolean): void {
  const claim = `${path}.takeover-${encodeURIComponent(dead.token)}`;
  if (!link(claim)) {
    const holder = readOwner(claim);
    if (holder !== null && stateOf(holder) === "dead") takeOver(claim, holder, link);
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
    if (holder !== null && stateOf(holder) === "dead") takeOver(claim, holder, link);
  }
}

/** With a digest of itself: a flipped bit must not turn a dead owner into one of another host. */
function textOf(owner: Owner): string {
  return JSON.stringify({ ...owner, seal: sealOf(owner) });
}

/** Who has a lock, for a person who asks; null where it is free. */
export function holderOf(path: string): { readonly text: string; readonly isDead: boolean } | null {
  const owner = readOwner(path);
  if (owner === null) return null;
  return { text: describe(owner, path), isDead: stateOf(owner) === "dead" };
}

function readOwner(path: string): Owner | null {
  try {
    return parseOwner(readFileText(path));
  } catch (error) {
    const code = errorCode(error);
    if (code === "EISDIR" || code === "ELOOP") return NOBODY;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw error; // not for us to read: somebody's
    const link = fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    return link ? NOBODY : null;
  }
}

function parseOwner(content: string): Owner {
  try {
    const { seal, ...owner } = JSON.parse(content) as Owner & { readonly seal?: string };
    if (seal !== undefined && seal !== sealOf(owner)) return NOBODY;
    if (typeof owner.token !== "string" || typeof owner.pid !== "number") return NOBODY;
    // Earlier versions said less about themselves.
    const { machine, boot, space } = owner.host === hostname() ? identityOf(owner.pid) : NOBODY;
    const place: Partial<Owner> = { machine, boot, space };
    const workers = seal === undefined || !Array.isArray(owner.workers) ? [] : owner.workers;
    return { ...place, ...owner, workers: workers.filter(isWorker) };
  } catch {
    return NOBODY;
  }
}

function isWorker(worker: unknown): worker is Worker {
  const { pid, started, proof } = (worker ?? {}) as Partial<Worker>;
  return (
    typeof pid === "number" && pid > 1 && typeof started === "string" && typeof proof === "string"
  );
}

const sealOf = (owner: Owner): string => digestOfBytes(JSON.stringify(owner));

/** Whose a damaged lock is. */
const NOBODY: Owner = {
  host: "",
  machine: "",
  boot: "",
  space: "",
  pid: 0,
  started: "",
  purpose: "",
  token: "",
  workers: [],
};

const stateOf = (owner: Owner): Whereabouts => (owner.pid === 0 ? "dead" : whereaboutsOf(owner));

/** Whether a process of another host is alive cannot be seen from here: the user has to say. */
function describe(owner: Owner, path: string): string {
  const { host, pid, purpose } = owner;
  if (stateOf(owner) !== "elsewhere") return `process ${pid}, which builds ${purpose}`;
  const where = host === hostname() ? "in another container" : `on ${host}`;
  return `process ${pid} ${where}, which builds ${purpose} (if it is dead, delete ${path})`;
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
