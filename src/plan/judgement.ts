import type { ActionNode } from "../graph/graph.ts";
import type { Digest } from "../model/digest.ts";
import type { Absent, ActionDescription, ActionRecord } from "../model/record.ts";
import type { Cause, Verdict } from "../model/verdict.ts";
import type { Demand } from "./compare.ts";
import type { Keeper, Knowledge } from "./knowledge.ts";

/** One action as `judge` sees it. */
export interface Case {
  readonly node: ActionNode;
  readonly inputs: ReadonlyMap<string, InputState>;
  readonly demand: Demand;
  readonly knowledge: Knowledge;
}

/**
 * Whether an action that is due keeps what a person wrote in one of its regions, so that a build refuses it before its
 * op runs. Where no record says what aqm wrote there last, only the op can tell whether the content is a person's.
 */
export const keepsEdit = (causes: readonly Cause[]): boolean =>
  causes.some(
    (cause) => cause.kind === "region_edited" && cause.fate === "left" && cause.recorded !== null,
  );

/** What is known of one input when its consumer is judged. */
export type InputState =
  | { readonly state: "known"; readonly digest: Digest | Absent; readonly present: boolean }
  | { readonly state: "pending"; readonly producer: string }
  | { readonly state: "blocked"; readonly cause: Cause };

export interface Judgement {
  /** A build does with an edited region what it would do without the edit; then the edit stops it. */
  readonly verdict: Exclude<Verdict, "edited">;
  readonly causes: readonly Cause[];
  readonly key: Digest | null;
  readonly description: ActionDescription | null;
  /** The result that a fresh or restored action has. */
  readonly result: ActionRecord | null;
  /** Of a result that is restored: `shared` when the result, or one of its outputs, comes from the shared cache. */
  readonly from?: Keeper;
  /** Outputs that are not in the workspace although the action is fresh, or will be restored. */
  readonly absent: ReadonlySet<string>;
  /** Actions whose absent outputs must be brought back before this one can run. */
  readonly missingFrom: readonly ActionNode[];
  /** Roles whose inputs are not looked at, because the result was taken over without knowing them. */
  readonly unasked?: ReadonlySet<string>;
}
