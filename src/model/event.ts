import type { Failure } from "./failure.ts";
import type { SkippedGroup } from "./skipped.ts";
import type { Cause, Verdict } from "./verdict.ts";
import type { Cost } from "./record.ts";

/**
 * The one stream of everything that happens in a build. The engine emits, reporters show; nothing
 * else prints. Every event is plain data and can be written as a line of JSON.
 */
export type BuildEvent =
  | {
      readonly type: "build_started";
      readonly targets: readonly string[];
      readonly jobs: number;
      readonly gpus: readonly string[];
    }
  | { readonly type: "waiting_for_lock"; readonly owner: string; readonly path: string }
  | {
      readonly type: "hashing";
      readonly file: string;
      readonly done: number;
      readonly total: number;
    }
  | { readonly type: "skipped"; readonly groups: readonly SkippedGroup[] }
  | {
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
  | { readonly type: "batch_ended"; readonly batch: string }
  | {
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
      readonly type: "action_phase";
      readonly name: string;
      readonly total: number | null;
    })
  | (About & { readonly type: "action_step"; readonly done: number })
  | (About & {
      readonly type: "action_warning";
      readonly code: string;
      readonly message: string;
    })
  /** About a job on another machine; `left`: this build does not wait for it. */
  | (About & {
      readonly type: "job_submitted";
      /** The name of the job there. */
      readonly job: string;
      readonly state: "submitted" | "found" | "again" | "left";
      readonly message: string;
    })
  | {
      readonly type: "action_settled";
      readonly target: string;
      readonly verdict: "fresh" | "restored" | "ran";
      readonly changed: boolean;
      readonly cost: Cost | null;
      /** Of what was restored: the store of this workspace, or the cache that it shares with others. */
      readonly from?: "store" | "shared";
    }
  | { readonly type: "action_failed"; readonly target: string; readonly failure: Failure }
  | { readonly type: "action_blocked"; readonly target: string; readonly causes: readonly Cause[] }
  /** While watching: something may have changed, so that everything is looked at. */
  | { readonly type: "looking" }
  /** While watching: all that could be done is done. */
  | { readonly type: "waiting"; readonly files: number }
  /** While watching: what is stale and was not started, when that is other than before; none when all is paid. */
  | { readonly type: "debt"; readonly targets: readonly string[]; readonly cost: string }
  /** Outputs are shown there. */
  | { readonly type: "serving"; readonly url: string; readonly port: number }
  | { readonly type: "notice"; readonly message: string }
  | { readonly type: "failure"; readonly failure: Failure }
  | {
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
    };

/** What progress is about: an action, which may run in a batch, or that batch as a whole. */
export type About =
  | { readonly target: string; readonly batch?: string | null }
  | { readonly target: null; readonly batch: string };

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
