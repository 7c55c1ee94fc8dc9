import type { ActionDeclaration } from "../model/declaration.ts";
import { canonicalJson, type Json } from "../model/json.ts";

/**
 * What the members of a batch group have in common, as text; null for an action that runs alone. The
 * engine makes it from the declaration itself, so a wrong one cannot bring unlike actions together.
 */
export function batchGroup(declaration: ActionDeclaration): string | null {
  const { op, params, inputs, outputs, resources, batch, slurm } = declaration;
  if (batch === undefined) return null;
  const { alike: _tellsMembersApart, ...group } = batch;
  // A job has as many devices as any of its members can use.
  const { upToGpus: _mayDiffer, ...needed } = resources;
  const apart = new Set(batch.apart);
  const common = Object.entries(params).filter(([name]) => !apart.has(name));
  const places = Object.entries(inputs).map(([role, { path, kind, include = null }]) => [
    role,
    { path: apart.has(role) ? null : path, kind, include },
  ]);
  const roles = Object.entries(outputs).map(([role, { kind }]) => [role, kind]);
  return canonicalJson({
    op,
    params: Object.fromEntries(common) as Json,
    inputs: Object.fromEntries(places) as Json,
    outputs: Object.fromEntries(roles) as Json,
    resources: needed,
    batch: group,
    ...(slurm === undefined ? {} : { slurm }),
  } as unknown as Json);
}
