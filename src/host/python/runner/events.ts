/** What the runner says, one object a line; `schemas/event.schema.json` is the authority. */
export type RunnerEvent =
  | {
      readonly type: "hello";
      readonly pid: number;
      readonly python: string;
      readonly ops: Readonly<Record<string, number>>;
    }
  | {
      readonly type: "phase";
      /** Null: about the whole job. */
      readonly action: string | null;
      readonly name: string;
      readonly total: number | null;
    }
  | { readonly type: "step"; readonly action: string | null; readonly done: number }
  | {
      readonly type: "resource";
      readonly action?: string | null;
      readonly peak_memory_bytes: number;
      readonly peak_gpu_memory_bytes: number | null;
    }
  | {
      readonly type: "warning";
      readonly action?: string | null;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly type: "artifact";
      readonly action: string;
      readonly role: string;
      readonly digest: string;
      readonly size: number;
    }
  | {
      readonly type: "result";
      readonly action: string;
      readonly seconds: number;
      readonly gpu_seconds: number;
      readonly tools: Readonly<Record<string, string>>;
      readonly facts: Readonly<Record<string, never>>;
    }
  /** The job and its process end. */
  | (RunnerError & { readonly type: "error"; readonly action?: string | null })
  /** One action of the job failed; the others go on. */
  | (RunnerError & { readonly type: "failed"; readonly action: string })
  | { readonly type: "heartbeat" }
  | { readonly type: "idle"; readonly job: string };

interface RunnerError {
  readonly class: RunnerErrorClass;
  readonly reason: string;
  readonly message: string;
  readonly file?: string;
  readonly next_step?: string;
  readonly retryable: boolean;
  readonly traceback?: string;
}

export type RunnerErrorClass =
  | "bad_request"
  | "gate_failed"
  | "unsupported_here"
  | "out_of_memory"
  | "device_lost"
  | "cancelled"
  | "bug";

export interface RunnerRequest {
  readonly protocol: 1;
  readonly job: string;
  readonly device: "cpu" | "cuda";
  readonly workspace: string;
  /** Further devices, as `CUDA_VISIBLE_DEVICES` would name them, each for a process that the runner starts. */
  readonly replicas?: readonly string[];
  /** Standard output and error of this job go here. */
  readonly log: string;
  readonly actions: readonly RunnerAction[];
}

export interface RunnerAction {
  readonly id: string;
  readonly op: string;
  readonly version: number;
  readonly params: object;
  readonly inputs: Readonly<Record<string, RunnerPlace>>;
  readonly outputs: Readonly<Record<string, RunnerPlace>>;
  /** Folder of the action's partial results; absent where none are kept. */
  readonly partial?: string;
}

export interface RunnerPlace {
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly name: string;
  /** Which files of a folder are in the key; absent where all are. */
  readonly include?: readonly string[];
}
