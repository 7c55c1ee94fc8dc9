import type { ActionNode } from "../graph/graph.ts";
import { digestOfJson, type Digest } from "../model/digest.ts";
import { shareCanonical, type Json, type JsonObject } from "../model/json.ts";
import type { ActionDescription, EnvironmentDescription } from "../model/record.ts";

/** What is known of an op's code. */
export interface OpSource {
  readonly version: number;
  /** Digest of the op as one minified bundle, where there is one: it also covers what was inlined. */
  readonly code: Digest | null;
  /** Module path to digest, for every module in the op's closure. */
  readonly sources: Readonly<Record<string, Digest>>;
}

/**
 * The description that is hashed and explained. In it: op, version, source closure, environment (lock
 * and variables),
 * params, input digests by role, declared outputs. Not in it, because they do not change what comes
 * out: resources and device index, host, wall time, how actions were grouped, verbosity, input paths.
 */
export function describeAction(
  node: ActionNode,
  inputs: Readonly<Record<string, Digest>>,
  source: OpSource,
  environment: EnvironmentDescription | null,
): ActionDescription {
  const { op, params, outputs } = node.declaration;
  const places: Record<string, { path: string; kind: string }> = {};
  for (const [role, { path, kind }] of Object.entries(outputs)) places[role] = { path, kind };
  return {
    epoch: 1,
    op: {
      runtime: op.runtime,
      name: op.runtime === "python" ? op.name : op.module,
      version: source.version,
      code: source.code,
      sources: shareCanonical(source.sources),
    },
    environment: environment === null ? null : shared(environment),
    params,
    inputs,
    outputs: places,
  };
}

/** All actions of an environment have the same description of it. */
const shared = (environment: EnvironmentDescription): EnvironmentDescription =>
  shareCanonical(environment as EnvironmentDescription & JsonObject);

/** The action key: the digest of the canonical description. */
export const actionKey = (description: ActionDescription): Digest =>
  digestOfJson(description as unknown as Json);
