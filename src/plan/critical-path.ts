import { producersOf, type ActionNode } from "../graph/graph.ts";

export interface CriticalPath {
  /** From what must be made first to what is done last. */
  readonly nodes: readonly ActionNode[];
  readonly seconds: number;
}

/**
 * The chain of actions that takes longest, one after the other: with any number of processors nothing is done
 * sooner. Among equally long ones the one that begins to differ with the earlier action.
 *
 * @param nodes in topological order; chains lead through these alone
 * @param seconds what an action takes; not negative
 */
export function criticalPath(
  nodes: readonly ActionNode[],
  seconds: (node: ActionNode) => number,
): CriticalPath {
  const best = new Map<
    ActionNode,
    { readonly total: number; readonly before: ActionNode | null }
  >();
  let [last, longest] = [null as ActionNode | null, -1];
  for (const node of nodes) {
    let [before, total] = [null as ActionNode | null, 0];
    for (const producer of producersOf(node)) {
      const reached = best.get(producer)?.total ?? 0;
      if (reached > total || (reached === total && isEarlier(producer, before, best))) {
        [before, total] = [producer, reached];
      }
    }
    total += seconds(node);
    best.set(node, { total, before });
    if (total > longest) [last, longest] = [node, total];
  }
  const path: ActionNode[] = [];
  for (let node = last; node !== null; node = best.get(node)?.before ?? null) path.push(node);
  return { nodes: path.reverse(), seconds: Math.max(0, longest) };
}

const isEarlier = (
  node: ActionNode,
  than: ActionNode | null,
  known: ReadonlyMap<ActionNode, unknown>,
): boolean => known.has(node) && (than === null || node.index < than.index);
