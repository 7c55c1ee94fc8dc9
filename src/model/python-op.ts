import type { JsonObject } from "./json.ts";

/** Role → what lies there. */
export type RoleKinds = Readonly<Record<string, "file" | "folder">>;

/**
 * What `ops/<name>.json` says of a Python op. `schemas/op.schema.json` of the runner package has the meaning of
 * each part, and which parts only the runner reads.
 */
export interface PythonOpDeclaration {
  readonly version: number;
  readonly inputs: RoleKinds;
  /** Further inputs: param → its value → roles. */
  readonly inputsBy?: Readonly<Record<string, Readonly<Record<string, RoleKinds>>>>;
  readonly optionalInputs?: RoleKinds;
  readonly outputs: RoleKinds;
  /** JSON Schema. */
  readonly params: JsonObject;
}
