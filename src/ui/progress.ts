import type { BuildEvent } from "../model/event.ts";
import type { Verdict } from "../model/verdict.ts";
import { oneLine } from "./escape.ts";

/** What a live view shows, folded from events; pure, so that every view counts alike. */
export interface Progress {
  readonly total: number;
  readonly ran: number;
  readonly cached: number;
  readonly failed: number;
  readonly blocked: number;
  /** Actions of which it is not known yet whether they have to run. */
  readonly unknown: number;
  readonly running: ReadonlyMap<string, RunningAction>;
  readonly activity: string | null;
}

export interface RunningAction {
  readonly target: string;
  readonly op: string;
  readonly lane: "cpu" | "gpu";
  readonly devices: readonly string[];
  readonly startedAt: number;
  readonly expectedSeconds: number | null;
  readonly phase: Phase | null;
}

interface Phase {
  readonly name: string;
  readonly total: number | null;
  readonly done: number;
  readonly startedAt: number;
}

export class ProgressFold {
  #verdicts = new Map<string, Verdict>();
  readonly #running = new Map<string, RunningAction>();
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
      case "action_started":
        this.#activity = null;
        this.#running.set(event.target, { ...event, startedAt: now, phase: null });
        break;
      case "action_phase":
        this.#change(event.target, {
          name: event.name,
          total: event.total,
          done: 0,
          startedAt: now,
        });
        break;
      case "action_step": {
        const phase = this.#running.get(event.target)?.phase;
        if (phase) this.#change(event.target, { ...phase, done: event.done });
        break;
      }
      case "action_settled":
        this.#running.delete(event.target);
        if (event.verdict === "ran") this.#ran += 1;
        else if (!this.#settled.has(event.target)) this.#cached += 1;
        this.#settled.add(event.target);
        break;
      case "action_failed":
        this.#running.delete(event.target);
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
      case "notice":
      case "failure":
      case "build_finished":
        break;
    }
  }

  get now(): Progress {
    let unknown = 0;
    for (const [target, verdict] of this.#verdicts) {
      if (verdict === "unknown" && !this.#settled.has(target) && !this.#running.has(target))
        unknown += 1;
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
