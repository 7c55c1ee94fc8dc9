import type { Failure } from "./failure.ts";
import type { SkippedGroup } from "./skipped.ts";
import type { Cause, Verdict } from "./verdict.ts";
import type { Cost } from "./record.ts";

/** Raised when a reader of the earlier events could go wrong: docs/events.md says when. */
export const STREAM_VERSION = 1;

/**
 * The one stream of everything that happens in a build. The engine emits, reporters show; nothing
 * else prints. Every event is plain data and can be written as a line of JSON.
 */
export type BuildEvent =
  | {
      /** A build begins; `targets` are those asked for, as they were named. */
      readonly type: "build_started";
      readonly targets: readonly string[];
      readonly jobs: number;
      readonly gpus: readonly string[];
    }
  | {
      /** Something else holds what is needed: another build, an environment in the making, a GPU. */
      readonly type: "waiting_for_lock";
      readonly owner: string;
      readonly path: string;
    }
  | {
      /** A large file is being digested. */
      readonly type: "hashing";
      readonly file: string;
      readonly done: number;
      readonly total: number;
    }
  | {
      /** What is asked for and not built, folded by reason. */
      readonly type: "skipped";
      readonly groups: readonly SkippedGroup[];
    }
  | {
      /** All actions that are asked for, with what is known before anything runs. */
      readonly type: "planned";
      readonly actions: readonly {
        readonly target: string;
        readonly verdict: Verdict;
        readonly causes: readonly Cause[];
        readonly gpu: boolean;
        readonly seconds: number | null;
        /** Of what is to be restored, as in `action_settled`. */
        readonly from?: "store" | "shared";
      }[];
      /** Null where nothing is to be done. */
      readonly prediction: Prediction | null;
    }
  | {
      /** A Python environment is being made, or is ready. */
      readonly type: "environment";
      readonly name: string;
      readonly state: "preparing" | "ready";
      readonly message: string;
      readonly done: number;
      readonly total: number | null;
    }
  | {
      /** Several actions start in one process; each has its own events as well. */
      readonly type: "batch_started";
      readonly batch: string;
      readonly targets: readonly string[];
      readonly op: string;
      readonly lane: "cpu" | "gpu";
      readonly devices: readonly string[];
      readonly expectedSeconds: number | null;
      readonly log: string | null;
    }
  | {
      /** That process takes no further action of the batch. */
      readonly type: "batch_ended";
      readonly batch: string;
    }
  | {
      /** An action starts; in a batch, with the name of the batch. */
      readonly type: "action_started";
      readonly target: string;
      readonly batch?: string | null;
      readonly op: string;
      readonly lane: "cpu" | "gpu";
      readonly devices: readonly string[];
      readonly causes: readonly Cause[];
      readonly expectedSeconds: number | null;
      readonly log: string | null;
    }
  | (About & {
      /** A stretch of work begins; `total` steps, where that is known. */
      readonly type: "action_phase";
      readonly name: string;
      readonly total: number | null;
    })
  | (About & {
      /** Steps done in this stretch of work. */
      readonly type: "action_step";
      readonly done: number;
    })
  | (About & {
      /** Worth knowing; it does not make the result wrong. */
      readonly type: "action_warning";
      readonly code: string;
      readonly message: string;
    })
  | (About & {
      /** A job runs on other devices than those that it was announced with, since these are in use. */
      readonly type: "devices_changed";
      readonly devices: readonly string[];
      readonly message: string;
    })
  | (About & {
      /** An action's job on another machine: given to it, found there, given again, or left there by `--detach`. */
      readonly type: "job_submitted";
      /** The name of the job there. */
      readonly job: string;
      readonly state: "submitted" | "found" | "again" | "left";
      readonly message: string;
    })
  | {
      /** An action is done: it was fresh, its outputs were restored, or it ran. */
      readonly type: "action_settled";
      readonly target: string;
      readonly verdict: "fresh" | "restored" | "ran";
      readonly changed: boolean;
      readonly cost: Cost | null;
      /** Of what was restored: the store of this workspace, or the cache that it shares with others. */
      readonly from?: "store" | "shared";
    }
  | {
      /** An action has no result. */
      readonly type: "action_failed";
      readonly target: string;
      readonly failure: Failure;
    }
  | {
      /** An action was not started: what it needs is missing, failed, or not on this machine. */
      readonly type: "action_blocked";
      readonly target: string;
      readonly causes: readonly Cause[];
    }
  | {
      /** While watching: something may have changed, so that everything is looked at. */
      readonly type: "looking";
    }
  | {
      /** While watching: all that could be done is done. */
      readonly type: "waiting";
      readonly files: number;
    }
  | {
      /** While watching: what is stale and was not started, when that is other than before; none when all is paid. */
      readonly type: "debt";
      readonly targets: readonly string[];
      readonly cost: string;
    }
  | {
      /** Outputs are shown there. The address holds the secret that lets a browser in. */
      readonly type: "serving";
      readonly url: string;
      readonly port: number;
    }
  | {
      /** A sentence for people, about the whole build. */
      readonly type: "notice";
      readonly message: string;
    }
  | {
      /** A mistake of the whole build, or of the files that decide it. */
      readonly type: "failure";
      readonly failure: Failure;
    }
  | {
      /** The last event of a build. */
      readonly type: "build_finished";
      readonly outcome: "done" | "failed" | "interrupted" | "submitted";
      readonly exitCode: number;
      readonly ran: number;
      readonly restored: number;
      /** How many of the restored came from the shared cache. */
      readonly shared: number;
      readonly fresh: number;
      readonly failed: number;
      readonly blocked: number;
      /** Actions that go on elsewhere; absent where there are none. */
      readonly submitted?: number;
      readonly seconds: number;
      readonly gpu: GpuTime | null;
    }
  | {
      /** After a sweep: what became of each combination. */
      readonly type: "cells";
      readonly cells: readonly CellOutcome[];
    };

/** What progress is about: an action, which may run in a batch, or that batch as a whole. */
export type About =
  | { readonly target: string; readonly batch?: string | null }
  | { readonly target: null; readonly batch: string };

/** One combination of the values of a sweep. */
export interface CellOutcome {
  /** Coordinates and overrides, each with its value. */
  readonly choices: Readonly<Record<string, string>>;
  /** The gravest of its actions; `skipped` or `nothing` where it has none. */
  readonly outcome: CellState;
  readonly targets: readonly string[];
  /** Path → why it is not made. */
  readonly skipped: Readonly<Record<string, string>>;
  /** What it makes that nothing else in it reads. */
  readonly results: readonly string[];
}

export type CellState = Verdict | "ran" | "restored" | "failed" | "skipped" | "nothing";

/** From and to; null if there is no estimate. */
export interface Prediction {
  /** Added up over all devices. */
  readonly gpuSeconds: readonly [number, number] | null;
  /** Until all is done that has an estimate; null where nothing has one. */
  readonly seconds: readonly [number, number] | null;
  /** Actions that run, or may run, and have no estimate. */
  readonly untimed: number;
  /** The most that any job takes. */
  readonly gpuMemoryBytes: readonly [number, number] | null;
}

/** Seconds on GPUs, as they were predicted (from, to; null without an estimate) and as they were. */
export interface GpuTime {
  readonly predicted: readonly [number, number] | null;
  readonly seconds: number;
}

export type EmitEvent = (event: BuildEvent) => void;
