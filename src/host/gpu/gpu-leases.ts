import { dirname, join } from "node:path";
import type { BuildEvent } from "../../model/event.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { disk } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { isOwnFolder, thisUser } from "../disk/shared-folder.ts";
import { lstatIfThere } from "../disk/stat.ts";
import { takeFileLock, type FileLock } from "../process/file-lock.ts";
import { placeOfGpu } from "./gpus.ts";
import { fileNameOf } from "../disk/layout.ts";
import { groupOf, identityOf } from "../process/process-identity.ts";

/** A process that has memory on devices although it does nothing now. */
export interface Resident {
  readonly pid: number;
  /** Ends it. */
  readonly leave: () => Promise<void>;
}

/** Devices that this process has to itself. */
export interface GpuLease {
  /** Who was left on the devices by the last action here, and may be used again. */
  readonly resident: Resident | null;
  /** The devices are not free before this process, too, has ended, even if this process ends first. */
  readonly addWorker: (pid: number) => void;
  readonly release: () => Promise<void>;
  /** The same where who worked there goes on without the devices. */
  readonly leave: () => void;
  /** Keeps the devices for an idle process until somebody else wants them. */
  readonly park: (resident: Resident) => void;
}

interface Parked {
  readonly places: readonly string[];
  readonly resident: Resident;
  readonly held: Held;
  readonly timer: NodeJS.Timeout;
}

/** How often an idle process looks whether somebody waits for its devices. */
const LOOK = 250;

/**
 * GPU devices are leased across all aqm processes of a user on this host, not only within one build.
 * A lease ends with its owner and the runners that worked under it: a dead owner's is taken over.
 */
export class GpuLeases {
  readonly #folder: string;
  readonly #placeOf: (device: string) => string;
  readonly #parked = new Map<string, Parked>();

  constructor(folder = leaseFolder(), placeOf: (device: string) => string = placeOfGpu) {
    this.#folder = folder;
    this.#placeOf = placeOf;
  }

  async acquire(
    devices: readonly string[],
    target: string,
    emit: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<Result<GpuLease, Failure>> {
    // Always in the same order, so that two builds that want two devices each cannot block each other.
    const places = [...new Set(devices.map((device) => this.#placeOf(device)))].sort();
    const parked = this.#parked.get(places.join());
    if (parked !== undefined) {
      this.#unpark(parked);
      return ok(this.#lease(places, parked.held, parked.resident));
    }
    for (const other of [...this.#parked.values()]) {
      if (other.places.some((place) => places.includes(place))) await this.#end(other);
    }
    const locks: FileLock[] = [];
    const held = new Held(locks);
    for (const place of places) {
      const lock = await this.#lock(place, target, emit, signal);
      if (!lock.ok) {
        await held.release();
        return lock;
      }
      locks.push(lock.value);
    }
    return ok(this.#lease(places, held, null));
  }

  /** The same without waiting: null where another process has one of the devices. */
  async acquireNow(devices: readonly string[], target: string): Promise<GpuLease | null> {
    const lease = await this.acquire(devices, target, () => undefined, AbortSignal.abort());
    return lease.ok ? lease.value : null;
  }

  /** Who is left on a device, by where it sits. */
  get residents(): ReadonlyMap<string, number> {
    return new Map(
      [...this.#parked.values()].flatMap(({ places, resident }) =>
        places.map((place) => [place, resident.pid] as const),
      ),
    );
  }

  placeOf(device: string): string {
    return this.#placeOf(device);
  }

  /** Ends all who are left on devices, and gives these back. */
  async close(): Promise<void> {
    for (const parked of [...this.#parked.values()]) await this.#end(parked);
  }

  #lease(places: readonly string[], held: Held, resident: Resident | null): GpuLease {
    return {
      resident,
      addWorker: (pid) => held.addWorker(pid),
      release: () => held.release(),
      leave: () => held.letGo(),
      park: (next) => {
        const look = (): void => {
          if (held.isWanted()) void this.#end(parked).catch(() => undefined); // a lock of the dead, then
        };
        const timer = setInterval(look, LOOK).unref();
        const parked: Parked = { places, resident: next, held, timer };
        this.#parked.set(places.join(), parked);
      },
    };
  }

  #unpark({ places, timer }: Parked): void {
    clearInterval(timer);
    this.#parked.delete(places.join());
  }

  async #end(parked: Parked): Promise<void> {
    this.#unpark(parked);
    await parked.resident.leave();
    await parked.held.release();
  }

  #lock(
    place: string,
    target: string,
    emit: (event: BuildEvent) => void,
    signal: AbortSignal,
  ): Promise<Result<FileLock, Failure>> {
    const refused = this.#prepareFolder();
    if (refused !== null) return Promise.resolve(err(refused));
    return takeFileLock(
      join(this.#folder, `${fileNameOf(place)}.lock`),
      target,
      (owner) => emit({ type: "waiting_for_lock", owner, path: `GPU ${place}` }),
      signal,
    );
  }

  /** Anybody can make a folder of any name in /tmp: leases that others can change are worth nothing. */
  #prepareFolder(): Failure | null {
    try {
      const chosen = chosenFolder() !== undefined;
      // The one around it first: nothing is made in a place that is another user's, or a link to it.
      for (const folder of chosen ? [this.#folder] : [dirname(this.#folder), this.#folder]) {
        if (lstatIfThere(folder) === undefined) disk.makePrivateFolder(folder);
        if (!chosen && !isOwnFolder(folder)) return notOurs(folder);
      }
      return null;
    } catch (error) {
      return diskFailure(error, this.#folder);
    }
  }
}

/** Who is left on the devices keeps them until they are wanted, as before the job. */
export async function letGo({ resident, park, release }: GpuLease): Promise<void> {
  if (resident === null) await release();
  else park(resident);
}

/** Locks that belong together, and who works under them. */
class Held {
  readonly #locks: readonly FileLock[];
  readonly #workers = new Map<number, string>();

  constructor(locks: readonly FileLock[]) {
    this.#locks = locks;
  }

  addWorker(pid: number): void {
    if (this.#locks.length === 0 || this.#workers.has(pid)) return;
    this.#workers.set(pid, identityOf(pid).started);
    for (const lock of this.#locks) lock.addWorker(pid);
  }

  isWanted(): boolean {
    return this.#locks.some((lock) => lock.isWanted());
  }

  /** A killed process frees its device memory in its own time; it is waited for, but not for ever. */
  async release(): Promise<void> {
    const isLeft = ([pid, started]: [number, string]): boolean =>
      groupOf({ pid, started }) !== "gone";
    for (let look = 0; look < PATIENCE && [...this.#workers].some(isLeft); look++) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
    this.letGo();
  }

  letGo(): void {
    for (const lock of [...this.#locks].reverse()) lock.release();
  }
}

const PAUSE = 20;
const PATIENCE = 500;

const chosenFolder = (): string | undefined => process.env["AQM_GPU_LEASES"] || undefined;

/**
 * The same for every process of a user on a host, whether it runs in a login session, in a cron job or
 * under Slurm: neither TMPDIR nor XDG_RUNTIME_DIR is.
 */
const leaseFolder = (): string => chosenFolder() ?? `/tmp/aqm-${thisUser()}/gpus`;

const notOurs = (folder: string): Failure => ({
  reason: "not_writable",
  message: `${folder}, where processes agree on who has which GPU, is not a folder that only you can write`,
  place: { file: folder },
  nextStep: "Remove it, or name another folder in AQM_GPU_LEASES, the same for all your processes.",
});
