import type { ActionDeclaration, OpDeclaration, Resources } from "../model/declaration.ts";
import { err, ok, type Result } from "../model/result.ts";

/** Why an action cannot run here, and what a person can do about it. */
export interface Refusal {
  readonly why: string;
  readonly nextStep: string;
}

/**
 * Which ops an executor runs, and whether it has what an action needs. A plan asks for this, so an answer
 * opens and starts nothing.
 */
export interface Offer {
  readonly runtime: OpDeclaration["runtime"];
  /** Whether an action is meant for it; all of its runtime are, if it does not say. */
  readonly takes?: (action: ActionDeclaration) => boolean;
  /** Null when it has all that is needed. */
  readonly lacks: (needed: Resources) => Refusal | null;
}

/**
 * The one place that decides which executor takes an action: the first for its runtime that lacks nothing.
 * Where every one lacks something, the first says what.
 */
export function takerOf<Executor extends Offer>(
  action: ActionDeclaration,
  executors: readonly Executor[],
): Result<Executor, Refusal> {
  const { op, resources } = action;
  let refusal: Refusal | null = null;
  for (const executor of executors) {
    if (executor.runtime !== op.runtime || executor.takes?.(action) === false) continue;
    const lacking = executor.lacks(resources);
    if (lacking === null) return ok(executor);
    refusal ??= lacking;
  }
  if (refusal === null) throw new Error(`no executor runs ${op.runtime} ops`);
  return err(refusal);
}
