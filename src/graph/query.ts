import { foldersAbove } from "../model/folders.ts";
import type { ActionNode } from "./graph.ts";
import { includeFilter } from "./include.ts";

/** Questions about a graph, as pure functions; answers are in topological order. */

export type Direction = "up" | "down";

const inOrder = (nodes: Iterable<ActionNode>): readonly ActionNode[] =>
  [...nodes].sort((a, b) => a.index - b.index);

/** What an action reads from, or what reads from it. */
function neighbours(node: ActionNode, direction: Direction): ReadonlySet<ActionNode> {
  if (direction === "down") return new Set(node.consumers);
  return new Set(node.inputs.flatMap(({ producer }) => producer?.action ?? []));
}

/** All that can be reached in one direction, what one starts from left out; `most` steps away at most. */
export function reached(
  from: Iterable<ActionNode>,
  direction: Direction,
  most = Infinity,
): readonly ActionNode[] {
  const start = new Set(from);
  const found = new Set<ActionNode>();
  let edge: Iterable<ActionNode> = start;
  for (let step = 0; step < most; step++) {
    const next = new Set<ActionNode>();
    for (const node of edge)
      for (const one of neighbours(node, direction))
        if (!found.has(one) && !start.has(one)) next.add(one);
    if (next.size === 0) break;
    for (const node of next) found.add(node);
    edge = next;
  }
  return inOrder(found);
}

/** The actions that read a source: that very path, or a folder that it lies in and counts in. */
export function readersOf(nodes: Iterable<ActionNode>, path: string): readonly ActionNode[] {
  const above = new Set(foldersAbove(path));
  const reads = ({ inputs }: ActionNode): boolean =>
    inputs.some(
      (input) =>
        input.producer === null &&
        (input.path === path ||
          (input.kind === "folder" &&
            above.has(input.path) &&
            includeFilter(input.include)(path.slice(input.path.length + 1)))),
    );
  return inOrder([...nodes].filter(reads));
}

export interface Paths {
  readonly paths: readonly (readonly ActionNode[])[];
  /** Whether there are more. */
  readonly more: boolean;
}

/**
 * Ways along which something made by one of `from` gets into one of `to`. There can be exponentially many, so
 * it stops at `most`; the search only goes where it will arrive, so it never takes long to find those.
 */
export function pathsBetween(
  from: ReadonlySet<ActionNode>,
  to: ReadonlySet<ActionNode>,
  most: number,
): Paths {
  const leadsThere = new Set([...to, ...reached(to, "up")]);
  const paths: ActionNode[][] = [];
  /** Ways that are begun: each step knows the one before, so that common beginnings are kept once. */
  interface Way {
    readonly node: ActionNode;
    readonly before: Way | null;
  }
  const open: Way[] = inOrder(from)
    .filter((node) => leadsThere.has(node))
    .map((node) => ({ node, before: null }))
    .reverse();
  for (let way = open.pop(); way !== undefined; way = open.pop()) {
    if (to.has(way.node)) {
      if (paths.length === most) return { paths, more: true };
      const path: ActionNode[] = [];
      for (let step: Way | null = way; step !== null; step = step.before) path.push(step.node);
      paths.push(path.reverse());
    }
    const before = way;
    const next = inOrder(neighbours(way.node, "down")).filter((node) => leadsThere.has(node));
    open.push(...next.map((node) => ({ node, before })).reverse());
  }
  return { paths, more: false };
}

/** What an action's kind is called: its op, with and without folders and ending, its runtime, its lane. */
export function kindsOf({ declaration: { op, resources } }: ActionNode): readonly string[] {
  const name = op.runtime === "python" ? op.name : op.module;
  const short = /([^/]+?)(?:\.[^./]*)?$/.exec(name)?.[1] ?? name;
  return [...new Set([name, short, op.runtime, resources.gpu > 0 ? "gpu" : "cpu"])];
}

export const ofKind = (nodes: Iterable<ActionNode>, kind: string): readonly ActionNode[] =>
  inOrder([...nodes].filter((node) => kindsOf(node).includes(kind)));
