import type { ActionNode } from "../graph/graph.ts";
import type { Selection } from "../graph/select.ts";
import type { Cause, Verdict } from "../model/verdict.ts";
import type { MakerOf } from "./inputs.ts";
import { judge } from "./judge.ts";
import { keepsEdit, type Judgement } from "./judgement.ts";
import type { Knowledge } from "./knowledge.ts";

export interface PlannedAction extends Omit<Judgement, "verdict"> {
  readonly node: ActionNode;
  readonly verdict: Verdict;
}

export interface Plan {
  /**
   * Every needed action, in topological order. What only makes inputs that a result from elsewhere stands
   * for is not among them.
   */
  readonly actions: readonly PlannedAction[];
  readonly byNode: ReadonlyMap<ActionNode, PlannedAction>;
  /** Actions whose absent outputs are needed, and which consumer needs them. */
  readonly demanded: ReadonlyMap<ActionNode, string>;
}

/**
 * Pure: what a build of `selection` would do. Bringing back the absent outputs of one action may ask
 * for more absent outputs further up, so the forward pass repeats until nothing new is asked for, and
 * judges again only what that changes; each round adds at least one action, and real graphs need one or two.
 */
export function makePlan(selection: Selection, knowledge: Knowledge): Plan {
  const demanded = new Map<ActionNode, string>();
  let asked = new Set<ActionNode>();
  let before: ReadonlyMap<ActionNode, PlannedAction> = new Map();
  for (;;) {
    const byNode = forwardPass(selection, knowledge, demanded, { before, asked });
    asked = new Set();
    for (const { node, missingFrom, verdict, causes } of byNode.values()) {
      if (verdict !== "run" || keepsEdit(causes)) continue;
      for (const producer of missingFrom) {
        if (demanded.has(producer)) continue;
        demanded.set(producer, node.id);
        asked.add(producer);
      }
    }
    if (asked.size === 0) {
      leaveOutUnasked(selection, byNode);
      markPossiblyNeeded(byNode);
      markEdited(byNode);
      return { actions: [...byNode.values()], byNode, demanded };
    }
    before = byNode;
  }
}

interface LastRound {
  readonly before: ReadonlyMap<ActionNode, PlannedAction>;
  /** Actions whose outputs were asked for since. */
  readonly asked: ReadonlySet<ActionNode>;
}

function forwardPass(
  selection: Selection,
  knowledge: Knowledge,
  demanded: ReadonlyMap<ActionNode, string>,
  { before, asked }: LastRound,
): Map<ActionNode, PlannedAction> {
  const planned = new Map<ActionNode, PlannedAction>();
  const makerOf: MakerOf = (maker) => planned.get(maker) ?? null;
  for (const node of selection.needed) {
    const earlier = before.get(node);
    const asBefore = node.inputs.every(
      ({ producer }) =>
        producer === null || planned.get(producer.action) === before.get(producer.action),
    );
    if (earlier !== undefined && asBefore && !asked.has(node)) {
      planned.set(node, earlier);
      continue;
    }
    const demand = {
      consumer: demanded.get(node) ?? null,
      exact: selection.exact,
      rerun: selection.rerun?.has(node) === true,
    };
    planned.set(node, { node, ...judge(node, makerOf, demand, knowledge) });
  }
  return planned;
}

/** Drops actions that neither a person nor a dependent action asks for. */
function leaveOutUnasked(selection: Selection, byNode: Map<ActionNode, PlannedAction>): void {
  const planned = [...byNode.values()];
  if (!planned.some(({ unasked }) => (unasked?.size ?? 0) > 0)) return;
  const asked = new Set<ActionNode>(selection.requested);
  const pending = [...asked];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const unasked = byNode.get(next)?.unasked;
    for (const { role, producer, optional = false } of next.inputs) {
      const known = optional || unasked?.has(role) === true;
      if (producer === null || known || asked.has(producer.action)) continue;
      asked.add(producer.action);
      pending.push(producer.action);
    }
  }
  for (const { node } of planned) if (!asked.has(node)) byNode.delete(node);
}

/** What a build will not fill has a verdict of its own: the build ends with the edit shown, not with a result. */
function markEdited(byNode: Map<ActionNode, PlannedAction>): void {
  for (const [node, planned] of byNode) {
    const { verdict, causes } = planned;
    if (verdict === "fresh" || verdict === "blocked") continue;
    const left = causes.some((cause) => cause.kind === "region_edited" && cause.fate === "left");
    if (verdict === "restore" ? left : keepsEdit(causes))
      byNode.set(node, { ...planned, verdict: "edited" });
  }
}

/**
 * An action with absent outputs runs again only if a consumer turns out to run. Where that is
 * not known yet, its verdict is unknown too; its digest stays known to others.
 */
function markPossiblyNeeded(byNode: Map<ActionNode, PlannedAction>): void {
  for (const node of [...byNode.keys()].reverse()) {
    const planned = byNode.get(node);
    if (planned?.verdict !== "unknown") continue;
    for (const { producer, path } of planned.node.inputs) {
      const maker = producer === null ? undefined : byNode.get(producer.action);
      const settles = maker?.verdict === "fresh" || maker?.verdict === "restore";
      if (!settles || !maker.absent.has(path)) continue;
      const cause: Cause = { kind: "waits_for", producer: planned.node.id };
      byNode.set(maker.node, { ...maker, verdict: "unknown", causes: [...maker.causes, cause] });
    }
  }
}
