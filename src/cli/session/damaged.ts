import type { ActionNode } from "../../graph/graph.ts";
import type { DiskWorkspace } from "../../host/workspace.ts";

/** The actions whose records cannot be read; asked before `survey`, which tells of the damage and forgets it. */
export function damagedRecords(
  { records }: Pick<DiskWorkspace, "records">,
  nodes: readonly ActionNode[],
): ReadonlySet<string> {
  for (const node of nodes) records.record(node);
  const damaged = new Set(records.damaged);
  return new Set(nodes.flatMap(({ id }) => (damaged.has(records.pathOf(id)) ? [id] : [])));
}
