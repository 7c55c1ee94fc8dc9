import type { ActionNode } from "./graph.ts";

/** One cycle among nodes that all lie on or behind one, consumer after producer. */
export function findCycle(nodes: readonly ActionNode[]): readonly ActionNode[] {
  const stuck = new Set(nodes);
  const path: ActionNode[] = [];
  const position = new Map<ActionNode, number>();
  // Every stuck node has a stuck producer, so walking up must come back to a node already seen.
  let node = nodes[0];
  while (node !== undefined && !position.has(node)) {
    position.set(node, path.length);
    path.push(node);
    node = node.inputs.find((input) => input.producer && stuck.has(input.producer.action))?.producer
      ?.action;
  }
  const start = node === undefined ? 0 : (position.get(node) ?? 0);
  return path.slice(start).reverse();
}
