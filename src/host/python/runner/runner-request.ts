import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../model/json.ts";
import type { ExecutionMember, ExecutionRequest } from "../../../ports.ts";
import type { OpSources } from "../../code/op-sources.ts";
import type { RunnerAction, RunnerPlace, RunnerRequest } from "./events.ts";

export interface RequestContext {
  /** Absolute path of the workspace. */
  readonly root: string;
  readonly opSources: Pick<OpSources, "of">;
}

/**
 * A job as the runner gets it: data alone, without the executor that carries it.
 *
 * @param log absolute path of the job's log
 * @param replicas devices beyond those that the runner sees
 */
export function runnerRequest(
  { members, lease }: Pick<ExecutionRequest, "members" | "lease">,
  log: string,
  context: RequestContext,
  replicas: readonly string[] = [],
): RunnerRequest {
  return {
    protocol: 1,
    job: members[0]?.node.id ?? "",
    device: lease.gpus.length > 0 ? "cuda" : "cpu",
    workspace: context.root,
    ...(replicas.length === 0 ? {} : { replicas }),
    log,
    actions: members.map((member) => runnerAction(member, context)),
  };
}

function runnerAction(
  { node, stage, partial }: ExecutionMember,
  { root, opSources }: RequestContext,
): RunnerAction {
  const { op, outputs: declared, params } = node.declaration;
  if (op.runtime !== "python") throw new Error(`${node.id} has no Python op`);
  const inputs: Record<string, RunnerPlace> = {};
  // By role, as in the key, which does not say in which order they were declared.
  const byRole = <Entry>(entries: readonly (readonly [role: string, Entry])[]) =>
    [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [role, { path, kind, optional, include }] of byRole(
    node.inputs.map((input) => [input.role, input] as const),
  )) {
    if (kind === "record") continue; // refused where it is declared
    if (optional === true && !existsSync(join(root, path))) continue;
    const taken = include === undefined ? {} : { include };
    inputs[role] = { path: join(root, path), kind, name: path, ...taken };
  }
  const outputs: Record<string, RunnerPlace> = {};
  for (const [role, { path, kind }] of byRole(Object.entries(declared))) {
    // The op writes the content of a region to a file of its own.
    const written = kind === "region" ? "file" : kind;
    outputs[role] = { path: stage.paths[role] ?? "", kind: written, name: path };
  }
  return {
    id: node.id,
    op: op.name,
    version: opSources.of(node).version,
    params: JSON.parse(canonicalJson(params)) as object,
    inputs,
    outputs,
    ...(partial === null ? {} : { partial: partial.folder }),
  };
}
