import type { JsonObject } from "./json.ts";
import type { SourcePlace } from "./failure.ts";

/** What an Aqmfile says, as plain data: no functions, no class instances, nothing resolved yet. */
export interface Declarations {
  readonly actions: readonly ActionDeclaration[];
  /** What `aqm build` without arguments builds. */
  readonly defaults: readonly string[];
  /** What is left out on purpose. */
  readonly skipped?: readonly SkippedDeclaration[];
}

/** A file or folder that could be made but is not, and why: whoever asks for it is told. */
export interface SkippedDeclaration {
  readonly path: string;
  readonly because: string;
  readonly coordinates?: Coordinates;
  readonly declaredAt?: SourcePlace;
}

export interface ActionDeclaration {
  readonly op: OpDeclaration;
  /** Values that change what comes out; all of them are in the key. */
  readonly params: JsonObject;
  readonly inputs: Readonly<Record<string, InputDeclaration>>;
  readonly outputs: Readonly<Record<string, OutputDeclaration>>;
  readonly resources: Resources;
  /** Which cell of a grid it was declared for, axis → value; never in the key. */
  readonly coordinates?: Coordinates;
  readonly declaredAt?: SourcePlace;
}

export type Coordinates = Readonly<Record<string, string>>;

export type OpDeclaration =
  | {
      readonly runtime: "python";
      /** Module `ops/<name>.py` of the runner package. */
      readonly name: string;
      readonly environment: string;
    }
  | {
      readonly runtime: "typescript";
      /** Workspace-relative path of the module that exports `version` and `run`. */
      readonly module: string;
    };

export interface InputDeclaration {
  /** Workspace-relative. */
  readonly path: string;
  readonly kind: "file" | "folder";
  /** For a folder: only files whose relative path matches one of these patterns (`*` stops at `/`). */
  readonly include?: readonly string[];
  /** How to get it when it is missing; shown to the user. */
  readonly obtain?: string;
}

export interface OutputDeclaration {
  readonly path: string;
  readonly kind: "file" | "folder";
  /**
   * `committed`: belongs into Git, must be in the workspace. `local`: too big for Git; when it is
   * absent but its record is known, only a consumer that has to run brings it back.
   */
  readonly keep: "committed" | "local";
}

export interface Resources {
  /** Slots of the CPU lane, clamped to `--jobs`; 0 for work that never has to wait. */
  readonly cpu: number;
  /** Devices of the GPU lane; 0 means that no device is visible to the action. */
  readonly gpu: number;
}

/** A Python environment that aqm makes itself from a hashed lock file. */
export interface EnvironmentDeclaration {
  readonly name: string;
  /** Direct requirements, one `name==version` a line: what a named interpreter must satisfy. */
  readonly requirements: string;
  /** Hashed lock file; its digest is in the key of every action that runs there. */
  readonly lock: string;
  /** Environment variables that ops run with; in the key. */
  readonly variables?: Readonly<Record<string, string>>;
  /**
   * Names of the user's own variables that ops may see, and why each cannot change a result: they are
   * not in the key.
   */
  readonly passed?: Readonly<Record<string, string>>;
}
