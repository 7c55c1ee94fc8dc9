import type { ActionNode } from "../graph/graph.ts";
import type { Cause } from "../model/verdict.ts";
import type { Judgement } from "../plan/judgement.ts";
import type { Lease } from "./lanes.ts";

/** What happened in the world. */
export type ScheduleEvent =
  | { readonly type: "begin" }
  | { readonly type: "judged"; readonly node: ActionNode; readonly judgement: Judgement }
  | { readonly type: "succeeded"; readonly node: ActionNode; readonly changed: boolean }
  /** The stored outputs were damaged: look again at what can be done. */
  | { readonly type: "not_restored"; readonly node: ActionNode }
  | { readonly type: "failed"; readonly node: ActionNode }
  /** Another machine goes on with it, and this build does not wait for it. */
  | { readonly type: "submitted"; readonly node: ActionNode }
  /** Instead of a judgement: the action would run, and it is sure that its result could not be published. */
  | { readonly type: "refused"; readonly node: ActionNode }
  /** The process has nothing to do any more: its lease is free. All its members ended before. */
  | { readonly type: "job_ended"; readonly job: Job }
  | { readonly type: "cancel" };

/** What the world has to do next. */
export type Command =
  | { readonly type: "judge"; readonly node: ActionNode; readonly demandedBy: string | null }
  | { readonly type: "restore"; readonly node: ActionNode; readonly judgement: Judgement }
  | { readonly type: "run"; readonly job: Job }
  | {
      readonly type: "report_blocked";
      readonly node: ActionNode;
      readonly causes: readonly Cause[];
    }
  | { readonly type: "stop_running" };

/** What runs in one process under one lease: an action, or several of one batch group. */
export interface Job {
  readonly members: readonly { readonly node: ActionNode; readonly judgement: Judgement }[];
  readonly lease: Lease;
}
