import { errorCode } from "../disk/disk.ts";
import type { RunnerEvent } from "../python/runner/events.ts";
import type { RunnerSchemas } from "../python/runner/schemas.ts";
import type { QueuedJob, SlurmCommands } from "./commands.ts";
import { EventTail } from "./event-tail.ts";
import type { JobEnd, JobFolder } from "./job-folder.ts";
import { phaseOf, type Phase } from "./states.ts";

/** How a job came to its end. */
export type JobOver =
  /** It said so itself; `state` is what Slurm says, where that was waited for. */
  | { readonly kind: "ended"; readonly end: JobEnd; readonly state: string | null }
  /** Only Slurm says so, or it does not know the job. */
  | { readonly kind: "gone"; readonly state: string | null }
  | { readonly kind: "bad event"; readonly line: string }
  | { readonly kind: "stopped" };

export interface Watching {
  readonly folder: JobFolder;
  readonly event: (event: RunnerEvent) => void;
  /** Told when it is another phase, and why it waits. */
  readonly phase: (phase: Phase, detail: string) => void;
  /** Nobody waits any more. */
  readonly signal: AbortSignal;
}

interface Watched extends Watching {
  readonly tail: EventTail;
  readonly settle: (over: JobOver) => void;
  erred: boolean;
  phase_: string;
  /** The last answer about it; null before the first, or when the queue has no such job. */
  queued: QueuedJob | null;
  asked: boolean;
  /** Looks since nothing of it was heard although it should be over. */
  silent: number;
}

/** Milliseconds between two looks at the files; tests make that shorter. */
const TICK = Number(process.env["AQM_SLURM_TICK_MS"] ?? 1000);

/** Looks between two questions to the queue: from few, while something happens, to many. */
const ASK = { first: 2, least: 5, most: 60 };

/** Looks until a job without a last word is given up: a file may come late, a node may be cut off for a while. */
const PATIENCE = { dead: 5, unheard: 60 };

/** States after which no more can come. */
const DEAD = new Set([
  "NODE_FAIL",
  "BOOT_FAIL",
  "PREEMPTED",
  "TIMEOUT",
  "DEADLINE",
  "OUT_OF_MEMORY",
  "CANCELLED",
  "REVOKED",
]);

/**
 * Looks at all jobs that somebody waits for: their files at each look, the queue seldom and for all of them at once.
 * An answer that does not come says nothing about a job. Time is counted in looks, and no time of a file or a node
 * is compared with a clock of this machine.
 */
export class JobWatch {
  readonly #commands: SlurmCommands;
  readonly #schemas: () => RunnerSchemas;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | null = null;
  #untilAsking = ASK.first;
  #interval = ASK.least;
  #asking = false;

  constructor(commands: SlurmCommands, schemas: () => RunnerSchemas) {
    this.#commands = commands;
    this.#schemas = schemas;
  }

  follow(watching: Watching): Promise<JobOver> {
    return new Promise((resolve) => {
      const tail = new EventTail(watching.folder.events, this.#schemas());
      const settle = (over: JobOver): void => {
        if (!this.#watched.delete(watched)) return;
        watching.signal.removeEventListener("abort", stop);
        if (this.#watched.size === 0) this.#rest();
        resolve(over);
      };
      const stop = (): void => settle({ kind: "stopped" });
      const watched: Watched = {
        ...watching,
        tail,
        settle,
        erred: false,
        phase_: "",
        queued: null,
        asked: false,
        silent: 0,
      };
      this.#watched.add(watched);
      watching.signal.addEventListener("abort", stop, { once: true });
      this.#soon();
      if (watching.signal.aborted) stop();
      else this.#timer ??= setInterval(() => this.#tick(), TICK);
    });
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #soon(): void {
    this.#untilAsking = Math.min(this.#untilAsking, ASK.first);
    this.#interval = ASK.least;
  }

  #tick(): void {
    for (const watched of [...this.#watched]) {
      try {
        this.#look(watched);
      } catch (error) {
        if (errorCode(error) === "") throw error; // else a network file system is away for a moment
      }
    }
    this.#untilAsking -= 1;
    if (this.#untilAsking > 0 || this.#asking || this.#watched.size === 0) return;
    this.#asking = true;
    this.#interval = Math.min(ASK.most, Math.ceil(this.#interval * 1.5));
    this.#untilAsking = this.#interval;
    void this.#ask().finally(() => (this.#asking = false));
  }

  async #ask(): Promise<void> {
    const about = [...this.#watched];
    const found = await this.#commands.queue([...new Set(about.map(({ folder }) => folder.name))]);
    if (found === null) return;
    for (const watched of about) {
      const jobs = found.filter(({ name }) => name === watched.folder.name);
      // Two only where a submission came twice; the one that has started is meant.
      const id = watched.folder.id();
      const job =
        jobs.find((one) => one.id === id) ??
        jobs.find(({ state }) => phaseOf(state) !== "over") ??
        jobs[0] ??
        null;
      if (job?.state !== watched.queued?.state) this.#soon();
      watched.queued = job;
      watched.asked = true;
      if (job === null) continue;
      const told = `${phaseOf(job.state)} ${job.detail}`;
      if (told === watched.phase_) continue;
      watched.phase_ = told;
      watched.phase(phaseOf(job.state), job.detail);
    }
  }

  #look(watched: Watched): void {
    const end = watched.folder.end(); // before the events, all of which are written before it
    const grown = this.#read(watched);
    if (watched.tail.bad !== null) {
      watched.settle({ kind: "bad event", line: watched.tail.bad });
      return;
    }
    const { queued, asked } = watched;
    const state = queued?.state ?? null;
    if (end !== null && !end.stopped && (end.code === 0 || watched.erred)) {
      watched.settle({ kind: "ended", end, state });
      return;
    }
    const over = asked && (state === null || phaseOf(state) === "over");
    if (end !== null && over) {
      watched.settle({ kind: "ended", end, state });
      return;
    }
    // A node that is lost may stay in COMPLETING for ever.
    const closing = over || end !== null || state === "COMPLETING";
    watched.silent = grown || !closing ? 0 : watched.silent + 1;
    const patience = state !== null && DEAD.has(state) ? PATIENCE.dead : PATIENCE.unheard;
    if (watched.silent === 1) this.#soon();
    if (watched.silent < patience) return;
    watched.settle(end === null ? { kind: "gone", state } : { kind: "ended", end, state });
  }

  #read(watched: Watched): boolean {
    return watched.tail.read((event) => {
      if (event.type === "error") watched.erred = true;
      watched.event(event);
    });
  }
}
