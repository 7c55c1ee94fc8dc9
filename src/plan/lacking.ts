import type { ActionNode } from "../graph/graph.ts";
import type { Digest } from "../model/digest.ts";
import type { Verdict } from "../model/verdict.ts";
import type { Judgement } from "./judgement.ts";
import type { Plan } from "./plan.ts";

/** An action whose key is known and of which there is no result here that could be used. */
export interface Lacking {
  readonly node: ActionNode;
  readonly key: Digest;
}

/**
 * What a plan would ask a shared cache for. Making a plan asks nobody: a workspace learns what it can of these
 * keys, and the plan is made again on what is known then.
 */
export const lackingIn = ({ actions }: Pick<Plan, "actions">): readonly Lacking[] =>
  actions.flatMap((action) => lackingOf(action.node, action) ?? []);

/** Also of an action that cannot run here, which a result from elsewhere would spare the run. */
export function lackingOf(
  node: ActionNode,
  { verdict, key, causes }: Pick<Judgement, "key" | "causes"> & { readonly verdict: Verdict },
): Lacking | null {
  if (key === null || (verdict !== "run" && verdict !== "blocked")) return null;
  return causes.some(({ kind }) => kind === "rerun_asked") ? null : { node, key };
}
