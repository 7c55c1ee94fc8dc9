import type { Failure } from "../../model/failure.ts";
import type { OpOutputs } from "../../model/op.ts";
import type { Result } from "../../model/result.ts";

/* What goes between this thread and the one in which ops run: plain data. */

/** One call of an op. */
export interface OpRequest {
  readonly id: number;
  readonly op: RunningOp;
  readonly code: {
    /** Tells the compiled op from all others; errors name it. */
    readonly name: string;
    /** Null where this thread has sent it before. */
    readonly text: string | null;
  };
  /** Canonical JSON. */
  readonly params: string;
  /** In the order of the key: sorted by role. */
  readonly inputs: readonly OpRequestInput[];
}

/** The action whose op runs, as far as failures and checks need to know it. */
export interface RunningOp {
  readonly target: string;
  /** The file that the op is written in. */
  readonly file: string;
  /** Role → kind. */
  readonly outputs: Readonly<Record<string, string>>;
}

export interface OpRequestInput {
  readonly role: string;
  /** Workspace-relative. */
  readonly path: string;
  /** Whether the op may see the path: then it is in the key. */
  readonly showsPath: boolean;
  readonly absolute: string;
  /** Undefined for a file; for a record its text, null where nothing is recorded. */
  readonly record: string | null | undefined;
}

export interface OpAnswer {
  readonly id: number;
  readonly outcome: Result<OpOutputs<string>, Failure>;
  /** That the call took. */
  readonly seconds: number;
  /** What the op printed, a line each. */
  readonly printed: readonly string[];
}
