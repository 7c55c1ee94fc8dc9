import type { ActionNode } from "../graph/graph.ts";
import type { Coordinates, Resources } from "../model/declaration.ts";
import type { Cause, Verdict } from "../model/verdict.ts";
import { planCost, type PlanCost } from "./cost.ts";
import type { Width } from "./predicted-jobs.ts";
import { criticalPath } from "./critical-path.ts";
import type { Basis, EstimateCost } from "./estimate.ts";
import type { Plan } from "./plan.ts";

/** A plan as data for views: every action with its state, causes, cost and neighbours, by position. */
export interface Picture {
  readonly nodes: readonly PictureNode[];
  /** What a build would cost, as a dry run says it; absent where the machine's width is not known. */
  readonly cost?: PlanCost;
  readonly critical: {
    /** What is due; or, when nothing is, what making everything again would take. */
    readonly of: "due" | "all";
    /** Positions, from first to last. */
    readonly nodes: readonly number[];
    readonly seconds: number;
    /** Actions without an estimate: what they take comes on top. */
    readonly untimed: number;
  };
}

export interface PictureNode {
  readonly target: string;
  readonly outputs: readonly string[];
  readonly op: string;
  readonly runtime: "python" | "typescript";
  readonly gpu: boolean;
  readonly resources: Resources;
  readonly verdict: Verdict;
  readonly causes: readonly Cause[];
  /** Likely seconds if it runs alone; null where nothing is known. */
  readonly seconds: number | null;
  readonly basis: Basis | null;
  readonly coordinates: Coordinates;
  /** Positions of the actions that it reads from. */
  readonly producers: readonly number[];
  readonly sources: readonly string[];
}

/** @param width what a build would run at once; without it the picture has no cost of the whole */
export function pictureOf(plan: Plan, expected: EstimateCost, width?: Width): Picture {
  const { actions } = plan;
  const positions = new Map(actions.map(({ node }, position) => [node, position]));
  const nodes = actions.map(({ node, verdict, causes }): PictureNode => {
    const { op, outputs, resources, coordinates = {} } = node.declaration;
    const estimate = expected(node);
    const producers = new Set<number>();
    const sources = new Set<string>();
    for (const { path, producer } of node.inputs) {
      const position = producer === null ? undefined : positions.get(producer.action);
      if (position === undefined) sources.add(path);
      else producers.add(position);
    }
    return {
      target: node.id,
      outputs: Object.values(outputs).map(({ path }) => path),
      op: op.runtime === "python" ? op.name : op.module,
      runtime: op.runtime,
      gpu: resources.gpu > 0,
      resources,
      verdict,
      causes,
      seconds: estimate?.seconds.likely ?? null,
      basis: estimate?.basis ?? null,
      coordinates,
      producers: [...producers],
      sources: [...sources],
    };
  });
  const due = actions.filter(({ verdict }) => verdict === "run" || verdict === "unknown");
  const counted = (due.length > 0 ? due : actions).map(({ node }) => node);
  const secondsOf = (node: ActionNode): number => expected(node)?.seconds.likely ?? 0;
  const longest = criticalPath(counted, secondsOf);
  return {
    nodes,
    ...(width === undefined ? {} : { cost: planCost(plan, expected, width) }),
    critical: {
      of: due.length > 0 ? "due" : "all",
      nodes: longest.nodes.flatMap((node) => positions.get(node) ?? []),
      seconds: longest.seconds,
      untimed: counted.filter((node) => expected(node) === null).length,
    },
  };
}
