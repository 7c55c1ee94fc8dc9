import type { Verdict } from "../model/verdict.ts";
import type { Picture } from "../plan/picture.ts";

/** All actions of one op: what a large graph is drawn as. */
export interface OpGroup {
  readonly op: string;
  readonly gpu: boolean;
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly total: number;
  /** How many steps it is at most from a source. */
  readonly level: number;
  readonly critical: boolean;
}

export interface FoldedGraph {
  readonly groups: readonly OpGroup[];
  /** From, to, and how many actions of `to` read something that `from` made. */
  readonly edges: readonly (readonly [from: number, to: number, count: number])[];
}

const NO_VERDICTS: Readonly<Record<Verdict, number>> = {
  fresh: 0,
  restore: 0,
  run: 0,
  unknown: 0,
  edited: 0,
  blocked: 0,
};

export function foldByOp({ nodes, critical }: Picture): FoldedGraph {
  const onPath = new Set(critical.nodes);
  const numbers = new Map<string, number>();
  const groups: { -readonly [K in keyof OpGroup]: OpGroup[K] }[] = [];
  const edges = new Map<string, [number, number, number]>();
  const levels: number[] = [];
  nodes.forEach((node, position) => {
    const level = Math.max(-1, ...node.producers.map((at) => levels[at] ?? 0)) + 1;
    levels.push(level);
    let number = numbers.get(node.op);
    if (number === undefined) {
      numbers.set(node.op, (number = groups.length));
      groups.push({
        op: node.op,
        gpu: false,
        counts: { ...NO_VERDICTS },
        total: 0,
        level,
        critical: false,
      });
    }
    const group = groups[number];
    if (group === undefined) return;
    group.total += 1;
    group.counts = { ...group.counts, [node.verdict]: group.counts[node.verdict] + 1 };
    group.gpu ||= node.gpu;
    group.level = Math.max(group.level, level);
    group.critical ||= onPath.has(position);
    const to = number;
    const from = new Set(node.producers.map((at) => numbers.get(nodes[at]?.op ?? "") ?? 0));
    for (const one of from) {
      const edge = edges.get(`${one} ${to}`);
      if (edge === undefined) edges.set(`${one} ${to}`, [one, to, 1]);
      else edge[2] += 1;
    }
  });
  return { groups, edges: [...edges.values()] };
}
