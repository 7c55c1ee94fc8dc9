import type { FailureReason } from "./failure.ts";
import type { Result } from "./result.ts";

/** What a TypeScript op gets: contents and parameters. It does no I/O of its own. */
export interface OpCall<Params extends object, Inputs extends string> {
  readonly params: Params;
  readonly inputs: Readonly<Record<Inputs, OpInput>>;
}

export interface OpInput {
  /** Workspace-relative path, for messages and provenance. */
  readonly path: string;
  readonly text: () => string;
  /** `sha256:…` of its bytes, for provenance. */
  readonly digest: () => string;
  /** False only for an optional input. */
  readonly isThere: () => boolean;
}

export interface OpFailure {
  readonly reason: Extract<FailureReason, "gate_failed" | "bad_request" | "op_failed">;
  readonly message: string;
  readonly nextStep?: string;
}

/** Contents by output role. */
export type OpOutputs<Outputs extends string> = Readonly<Record<Outputs, string | Uint8Array>>;

/** What the module of a TypeScript op exports. Raise `version` when the same sources mean something new. */
export interface TypescriptOpModule<
  Params extends object,
  Inputs extends string,
  Outputs extends string,
> {
  readonly version: number;
  readonly run: (call: OpCall<Params, Inputs>) => Result<OpOutputs<Outputs>, OpFailure>;
}
