import type { About, BuildEvent } from "../model/event.ts";
import type { Verdict } from "../model/verdict.ts";
import { oneLine } from "./escape.ts";
import { IMPORT_PHASE, type Phase, type RunningAction } from "./running-action.ts";
import { TimeLeftFold, type TimeLeft } from "./time-left.ts";

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
  /** Of the whole build; null before the plan, and where it has no prediction. */
  readonly timeLeft: (now: number) => TimeLeft | null;
}

/** Where progress is shown: at the action, or at the batch that it runs in. */
export const rowOf = ({ target, batch }: About): string => batch ?? target ?? "";

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
  /** What is said of an environment stays until it is there, whatever else starts meanwhile. */
  #environment: string | null = null;
  #timeLeft: TimeLeftFold | null = null;

  add(event: BuildEvent, now: number): void {
    switch (event.type) {
      case "planned":
        this.#verdicts = new Map(event.actions.map(({ target, verdict }) => [target, verdict]));
        this.#activity = null;
        this.#environment = null;
        this.#timeLeft = new TimeLeftFold(event.actions, event.prediction, now);
        break;
      case "hashing":
        this.#activity = `reading ${oneLine(event.file)} ${percent(event.done, event.total)}`;
        break;
      case "waiting_for_lock":
        this.#activity = `waiting for ${oneLine(event.owner)}`;
        break;
      case "environment":
        this.#environment = event.state === "ready" ? null : environmentText(event);
        break;
      case "batch_started": {
        this.#activity = null;
        const { batch, targets } = event;
        const members = targets.length;
        for (const target of targets) this.#batchOf.set(target, batch);
        const row = { ...event, target: batch, members, ended: 0, startedAt: now };
        this.#running.set(batch, { ...row, workingSince: workStart(event, now), phase: null });
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
          targets: [event.target],
          members: 1,
          ended: 0,
          startedAt: now,
          workingSince: workStart(event, now),
          phase: null,
        });
        break;
      case "action_phase":
        this.#activity = null; // what was waited for is there
        this.#change(
          rowOf(event),
          { name: event.name, total: event.total, done: 0, startedAt: now },
          now,
        );
        break;
      case "action_step": {
        const phase = this.#running.get(rowOf(event))?.phase;
        if (phase) this.#change(rowOf(event), { ...phase, done: event.done }, now);
        break;
      }
      case "devices_changed": {
        const row = this.#running.get(rowOf(event));
        if (row !== undefined) this.#running.set(rowOf(event), { ...row, devices: event.devices });
        break;
      }
      case "job_submitted": {
        if (event.state === "left") {
          this.#running.delete(rowOf(event));
          break;
        }
        const waits = { name: `job ${event.job}`, total: null, done: 0, startedAt: now };
        this.#change(rowOf(event), waits, now);
        break;
      }
      case "action_settled":
        this.#end(event.target);
        if (event.verdict === "ran") this.#ran += 1;
        else if (!this.#settled.has(event.target)) this.#cached += 1;
        this.#settled.add(event.target);
        this.#timeLeft?.end(event.target);
        break;
      case "action_failed":
        this.#end(event.target);
        this.#failed += 1;
        this.#settled.add(event.target);
        this.#timeLeft?.end(event.target);
        this.#environment = null;
        break;
      case "action_blocked":
        this.#blocked += 1;
        this.#settled.add(event.target);
        this.#timeLeft?.end(event.target);
        break;
      case "build_started":
      case "skipped":
      case "action_warning":
      case "cells":
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
      activity: this.#environment ?? this.#activity,
      timeLeft: (now) => this.#timeLeft?.at(now, this.#running.values()) ?? null,
    };
  }

  /** A batch stays until its process is done. */
  #end(target: string): void {
    const batch = this.#batchOf.get(target);
    this.#batchOf.delete(target);
    const row = batch === undefined ? undefined : this.#running.get(batch);
    if (batch === undefined || row === undefined) this.#running.delete(target);
    else {
      const targets = row.targets.filter((one) => one !== target);
      this.#running.set(batch, { ...row, targets, ended: row.ended + 1 });
    }
  }

  #change(target: string, phase: Phase, now: number): void {
    const action = this.#running.get(target);
    if (action === undefined) return;
    const imports = phase.name === IMPORT_PHASE;
    const workingSince = imports ? null : (action.workingSince ?? now);
    this.#running.set(target, { ...action, phase, workingSince });
  }
}

/** What runs in this process works at once; what has a log starts a Python process, or waits for one. */
const workStart = ({ log }: { readonly log: string | null }, now: number): number | null =>
  log === null ? now : null;

/** What is done to make an environment, with a count where there is one. */
export const environmentText = ({
  name,
  message,
  done,
  total,
}: Extract<BuildEvent, { type: "environment" }>): string =>
  `Python environment ${name}: ${message}${total === null ? "" : ` (${done} of ${total})`}`;

export const percent = (done: number, total: number): string =>
  `${total === 0 ? 100 : Math.floor((100 * done) / total)} %`;
