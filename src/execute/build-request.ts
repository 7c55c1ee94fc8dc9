import type { ActionNode } from "../graph/graph.ts";
import type { Selection } from "../graph/select.ts";
import type { BuildEvent } from "../model/event.ts";
import { EXIT, interruptionCode, type Failure } from "../model/failure.ts";
import type { SkippedGroup } from "../model/skipped.ts";
import type { EstimateCost } from "../plan/estimate.ts";
import type { Maker } from "../plan/inputs.ts";
import type { Plan } from "../plan/plan.ts";
import type { Elsewhere } from "../schedule/lanes.ts";

export interface BuildRequest {
  readonly selection: Selection;
  readonly targets: readonly string[];
  readonly jobs: number;
  readonly gpus: readonly string[];
  /** Whether these are of one kind; true if not given. */
  readonly gpusAlike?: boolean;
  readonly keepGoing: boolean;
  readonly expected: EstimateCost;
  /** Nothing runs if it may take more. */
  readonly maxGpuHours?: number | undefined;
  /** Actions that must not start even if they are stale, e.g. GPU work while watching. */
  readonly hold?: (node: ActionNode) => boolean;
  /** Told of each that was stale and so was held. */
  readonly held?: (node: ActionNode) => void;
  readonly signal: AbortSignal;
  /** Actions that are known to be fresh and not part of the selection. */
  readonly untouched?: number;
  /** What was asked for and is not made. */
  readonly skipped?: readonly SkippedGroup[];
  /** What other machines do; null where all is done here. */
  readonly elsewhere?: Elsewhere | null;
}

export interface BuildOutcome {
  readonly exitCode: number;
  readonly failures: readonly Failure[];
  readonly plan: Plan | null;
}

/** An action that failed or is blocked, as its consumers see it. */
export const LOST: Maker = { verdict: "blocked", result: null, absent: new Set() };

/** It may have been aborted while something was waited for. */
export const isStopped = (signal: AbortSignal): boolean => signal.aborted;

/** What a build came to. */
export type Outcome = Extract<BuildEvent, { type: "build_finished" }>["outcome"];

/** @param failure what ended the build as a whole */
export function exitCodeAfter(
  outcome: Outcome,
  failure: Failure | null,
  signal: AbortSignal,
): number {
  switch (outcome) {
    case "interrupted":
      return interruptionCode(signal);
    case "failed":
      return failure?.reason === "over_budget" ? EXIT.overBudget : EXIT.actionFailed;
    case "submitted":
      return EXIT.submitted;
    case "done":
      return EXIT.done;
  }
}
