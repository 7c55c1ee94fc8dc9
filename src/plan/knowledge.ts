import type { ActionNode, GraphInput } from "../graph/graph.ts";
import type { OpSource } from "../keys/describe.ts";
import type { OutputDeclaration } from "../model/declaration.ts";
import type { Digest } from "../model/digest.ts";
import type { ActionRecord, EnvironmentDescription } from "../model/record.ts";
import type { RegionEditFate } from "../model/verdict.ts";
import type { Refusal } from "./offer.ts";

/** What was found at a path. */
export type Observation =
  | { readonly state: "present"; readonly digest: Digest; readonly size: number }
  | { readonly state: "missing" }
  | { readonly state: "unreadable"; readonly error: string };

/** An existing input with a file that differs from what the action expects: what is wrong, what to do. */
export interface Unfit {
  readonly state: "unfit";
  /** Of the content that was looked at. */
  readonly digest: Digest;
  readonly path: string;
  readonly problem: string;
  readonly nextStep: string;
}

/** The store of this workspace, or the cache that it shares with others. */
export type Keeper = "store" | "shared";

/** Everything a plan may depend on. Answers do not change while one plan is made. */
export interface Knowledge {
  readonly observeInput: (input: GraphInput) => Observation | Unfit;
  readonly observeOutput: (output: OutputDeclaration) => Observation;
  /** The last record of an action: its lock record, or the local one. */
  readonly record: (node: ActionNode) => ActionRecord | null;
  /** Any recorded result of this very key, preferably the one in the workspace. */
  readonly trace: (node: ActionNode, key: Digest) => ActionRecord | null;
  /** Results of this action that were taken over from elsewhere and that no run has replaced since. */
  readonly adoptions: (node: ActionNode) => readonly ActionRecord[];
  /** False when nothing that ever made this target is known: then it is sure to run. */
  readonly everBuilt: (node: ActionNode) => boolean;
  /** A result of this key that the shared cache has and that is known by now: see `lackingIn`. */
  readonly learnt: (node: ActionNode, key: Digest) => ActionRecord | null;
  /** Where a content can be brought back from; null where it cannot. */
  readonly kept: (digest: Digest) => Keeper | null;
  /** What a build would do with a person's words in an output that is a region; null where there are none. */
  readonly regionEdit: (node: ActionNode, output: OutputDeclaration) => RegionEditFate | null;
  readonly opSource: (node: ActionNode) => OpSource;
  readonly environment: (name: string) => EnvironmentDescription;
  /** Why no executor takes the action, or null when one does. */
  readonly unsupported: (node: ActionNode) => Refusal | null;
}
