import type { ActionNode } from "../graph/graph.ts";
import { digestOfJson, type Digest } from "../model/digest.ts";
import { shareCanonical, type Json, type JsonObject } from "../model/json.ts";
import {
  UNKNOWN,
  type ActionDescription,
  type ActionRecord,
  type EnvironmentDescription,
} from "../model/record.ts";

/** What is known of an op's code. */
export interface OpSource {
  readonly version: number;
  /** Digest of the op as one minified bundle, where there is one: it also covers what was inlined. */
  readonly code: Digest | null;
  /** Name of a module → digest, for every module in the op's closure. The name is the same on every machine. */
  readonly sources: Readonly<Record<string, Digest>>;
  /** Whether the op may look at the paths of its inputs: then they are in the key. */
  readonly readsPaths?: boolean;
  /** Name of a module → path of the file as a person would open it, where that is another one. Not in the key. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The file behind the name of a module; the name itself for a module that the op no longer has. */
export const sourceFile = ({ files = {} }: OpSource, module: string): string =>
  files[module] ?? module;

/**
 * The description that is hashed and explained. In it: op, version, source closure, environment (lock
 * and variables), params, input digests by role, declared outputs. Not in it, because they do not change what comes
 * out: resources and device index, host, wall time, how actions were grouped, verbosity. Input paths are in it
 * where the op looks at them.
 */
export function describeAction(
  node: ActionNode,
  inputs: ActionDescription["inputs"],
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
    ...(source.readsPaths === true ? { input_paths: pathsOf(node) } : {}),
    outputs: places,
  };
}

const pathsOf = ({ inputs }: ActionNode): Readonly<Record<string, string>> =>
  Object.fromEntries(inputs.map(({ role, path }) => [role, path]));

/** All actions of an environment share its description. */
const shared = (environment: EnvironmentDescription): EnvironmentDescription =>
  shareCanonical(environment as EnvironmentDescription & JsonObject);
/**
 * What can be said of a result that was not made here: its op and what that means, params, outputs, and
 * inputs as far as they are known. Which code and environment made it is not; it was not these.
 */
export function asAdopted(
  description: ActionDescription,
  unknown: ReadonlySet<string>,
): ActionDescription {
  const { input_paths: _ofItsCode, ...rest } = description;
  return {
    ...rest,
    op: { ...description.op, code: null, sources: {} },
    environment: null,
    inputs: Object.fromEntries(
      Object.entries(description.inputs).map(([role, digest]) => [
        role,
        unknown.has(role) ? UNKNOWN : digest,
      ]),
    ),
  };
}

/** The roles of which a record does not know what was read. */
export const unknownRoles = ({ action }: ActionRecord): ReadonlySet<string> =>
  new Set(
    Object.entries(action.inputs).flatMap(([role, digest]) => (digest === UNKNOWN ? [role] : [])),
  );

/** The action key: the digest of the canonical description. */
export const actionKey = (description: ActionDescription): Digest =>
  digestOfJson(description as unknown as Json);
