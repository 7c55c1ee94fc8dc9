import type { ActionNode } from "../graph/graph.ts";
import { adoptionOf } from "../model/adoption.ts";
import type { ActionRecord } from "../model/record.ts";
import type { Plan } from "./plan.ts";

/** Seconds an action is expected to take: its own last run, else the median of its op's runs. */
export type ExpectedSeconds = (node: ActionNode) => number | null;

export function expectFromRecords(
  record: (node: ActionNode) => ActionRecord | null,
  /** Durations by op; only asked for when an action has no record of its own. */
  opDurations: () => ReadonlyMap<string, readonly number[]>,
): ExpectedSeconds {
  return (node) => {
    const last = record(node);
    // What was taken over tells nothing about how long it takes to make.
    if (last !== null && adoptionOf(last) === null) return last.cost.seconds;
    const { op } = node.declaration;
    const durations = opDurations().get(op.runtime === "python" ? op.name : op.module) ?? [];
    const sorted = [...durations].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  };
}

export interface PlanCost {
  readonly fresh: number;
  readonly restore: number;
  readonly run: number;
  readonly gpuRun: number;
  readonly unknown: number;
  readonly blocked: number;
  /** Expected seconds of CPU actions and of GPU actions, as far as known. */
  readonly cpuSeconds: number;
  readonly gpuSeconds: number;
  /** Actions that will run and of which nobody knows how long they take. */
  readonly withoutEstimate: number;
}

export function planCost(plan: Plan, expected: ExpectedSeconds): PlanCost {
  const cost = {
    fresh: 0,
    restore: 0,
    run: 0,
    gpuRun: 0,
    unknown: 0,
    blocked: 0,
    cpuSeconds: 0,
    gpuSeconds: 0,
    withoutEstimate: 0,
  };
  for (const { node, verdict } of plan.actions) {
    cost[verdict] += 1;
    if (verdict !== "run") continue;
    const seconds = expected(node);
    const gpu = node.declaration.resources.gpu > 0;
    if (gpu) cost.gpuRun += 1;
    if (seconds === null) cost.withoutEstimate += 1;
    else if (gpu) cost.gpuSeconds += seconds;
    else cost.cpuSeconds += seconds;
  }
  return cost;
}
