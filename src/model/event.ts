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
      }[];
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
      readonly type: "action_started";
      readonly target: string;
      readonly op: string;
      readonly lane: "cpu" | "gpu";
      readonly devices: readonly string[];
      readonly causes: readonly Cause[];
      readonly expectedSeconds: number | null;
      readonly log: string | null;
    }
  | {
      readonly type: "action_phase";
      readonly target: string;
      readonly name: string;
      readonly total: number | null;
    }
  | { readonly type: "action_step"; readonly target: string; readonly done: number }
  | {
      readonly type: "action_warning";
      readonly target: string;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly type: "action_settled";
      readonly target: string;
      readonly verdict: "fresh" | "restored" | "ran";
      readonly changed: boolean;
      readonly cost: Cost | null;
    }
  | { readonly type: "action_failed"; readonly target: string; readonly failure: Failure }
  | { readonly type: "action_blocked"; readonly target: string; readonly causes: readonly Cause[] }
  | { readonly type: "notice"; readonly message: string }
  | { readonly type: "failure"; readonly failure: Failure }
  | {
      readonly type: "build_finished";
      readonly outcome: "done" | "failed" | "interrupted";
      readonly exitCode: number;
      readonly ran: number;
      readonly restored: number;
      readonly fresh: number;
      readonly failed: number;
      readonly blocked: number;
      readonly seconds: number;
    };

export type EmitEvent = (event: BuildEvent) => void;
