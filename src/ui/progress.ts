import type { About, BuildEvent } from "../model/event.ts";
import type { Verdict } from "../model/verdict.ts";
import { oneLine } from "./escape.ts";

/** What a live view shows, folded from events; pure, so that every view counts alike. */
export interface Progress {
  readonly total: number;
  readonly ran: number;
  readonly cached: number;
  readonly failed: number;
  readonly blocked: number;
  /** Jobs: an action each, or a batch. Actions of which it is not known yet whether they have to run. */
  readonly unknown: number;
  readonly running: ReadonlyMap<string, RunningAction>;
  readonly activity: string | null;
}

export interface RunningAction {
  readonly target: string;
  /** How many actions the job has, and how many of them are over. */
  readonly members: number;
  readonly ended: number;
  readonly op: string;
  readonly lane: "cpu" | "gpu";
  readonly devices: readonly string[];
  readonly startedAt: number;
  readonly expectedSeconds: number | null;
  readonly phase: Phase | null;
}

/** Where progress is shown: at the action, or at the batch that it runs in. */
export const rowOf = ({ target, batch }: About): string => batch ?? target ?? "";

interface Phase {
  readonly name: string;
  readonly total: number | null;
  readonly done: number;
  readonly startedAt: number;
}

export class ProgressFold {
  #verdicts = new Map<string, Verdict>();
  readonly #running = new Map<string, RunningAction>();
  readonly #batchOf = new Map<string, string>();
  readonly #settled = new Set<string>();
  #ran = 0;
  #cached = 0;
  #failed = 0;
  #blocked = 0;
  #activity: string | null = null;

  add(event: BuildEvent, now: number): void {
    switch (event.type) {
      case "planned":
        this.#verdicts = new Map(event.actions.map(({ target, verdict }) => [target, verdict]));
        this.#activity = null;
        break;
      case "hashing":
        this.#activity = `reading ${oneLine(event.file)} ${percent(event.done, event.total)}`;
        break;
      case "waiting_for_lock":
        this.#activity = `waiting for ${event.owner}`;
        break;
      case "environment":
        this.#activity =
          event.state === "ready"
            ? null
            : `Python environment ${event.name}: ${event.message}${event.total === null ? "" : ` (${event.done} of ${event.total})`}`;
        break;
      case "batch_started": {
        this.#activity = null;
        const { batch, targets } = event;
        const members = targets.length;
        for (const target of targets) this.#batchOf.set(target, batch);
        const row = { ...event, target: batch, members, ended: 0, startedAt: now, phase: null };
        this.#running.set(batch, row);
        break;
      }
      case "batch_ended":
        this.#running.delete(event.batch);
        break;
      case "action_started":
        this.#activity = null;
        if (typeof event.batch === "string") break;
        this.#running.set(event.target, {
          ...event,
          members: 1,
          ended: 0,
          startedAt: now,
          phase: null,
        });
        break;
      case "action_phase":
        this.#change(rowOf(event), {
          name: event.name,
          total: event.total,
          done: 0,
          startedAt: now,
        });
        break;
      case "action_step": {
        const phase = this.#running.get(rowOf(event))?.phase;
        if (phase) this.#change(rowOf(event), { ...phase, done: event.done });
        break;
      }
      case "action_settled":
        this.#end(event.target);
        if (event.verdict === "ran") this.#ran += 1;
        else if (!this.#settled.has(event.target)) this.#cached += 1;
        this.#settled.add(event.target);
        break;
      case "action_failed":
        this.#end(event.target);
        this.#failed += 1;
        this.#settled.add(event.target);
        break;
      case "action_blocked":
        this.#blocked += 1;
        this.#settled.add(event.target);
        break;
      case "build_started":
      case "skipped":
      case "action_warning":
      case "looking":
      case "waiting":
      case "serving":
      case "debt":
      case "notice":
      case "failure":
      case "build_finished":
        break;
    }
  }

  get now(): Progress {
    let unknown = 0;
    for (const [target, verdict] of this.#verdicts) {
      const runs = this.#running.has(target) || this.#batchOf.has(target);
      if (verdict === "unknown" && !this.#settled.has(target) && !runs) unknown += 1;
    }
    return {
      total: this.#verdicts.size,
      ran: this.#ran,
      cached: this.#cached,
      failed: this.#failed,
      blocked: this.#blocked,
      unknown,
      running: this.#running,
      activity: this.#activity,
    };
  }

  /** A batch stays until its process is done. */
  #end(target: string): void {
    const batch = this.#batchOf.get(target);
    this.#batchOf.delete(target);
    const row = batch === undefined ? undefined : this.#running.get(batch);
    if (batch === undefined || row === undefined) this.#running.delete(target);
    else this.#running.set(batch, { ...row, ended: row.ended + 1 });
  }

  #change(target: string, phase: Phase): void {
    const action = this.#running.get(target);
    if (action !== undefined) this.#running.set(target, { ...action, phase });
  }
}

export const percent = (done: number, total: number): string =>
  `${total === 0 ? 100 : Math.floor((100 * done) / total)} %`;

/** Seconds left of an action: from its phase's pace, else from its last run; null when unknown. */
export function secondsLeft(action: RunningAction, now: number): number | null {
  const { phase } = action;
  if (phase?.total && phase.done === phase.total) return null; // over: the next phase is unknown
  if (phase?.total && phase.done > 0) {
    return (((now - phase.startedAt) / 1000) * (phase.total - phase.done)) / phase.done;
  }
  if (action.expectedSeconds === null) return null;
  const left = action.expectedSeconds - (now - action.startedAt) / 1000;
  return left > 0 ? left : null; // overdue: the last run is no guide any more
}
