import type { ActionDeclaration, InputDeclaration } from "../model/declaration.ts";

export interface GraphInput extends InputDeclaration {
  readonly role: string;
  /** The action that makes it, and under which role; null for a source. */
  readonly producer: { readonly action: ActionNode; readonly role: string } | null;
}

export interface ActionNode {
  /** The path of the first output: stable, readable, unique. */
  readonly id: string;
  /** Position in topological order. */
  readonly index: number;
  readonly declaration: ActionDeclaration;
  readonly inputs: readonly GraphInput[];
  readonly consumers: readonly ActionNode[];
}

export interface Graph {
  /** In topological order: producers before consumers, ties in declaration order. */
  readonly actions: readonly ActionNode[];
  readonly byOutput: ReadonlyMap<string, { readonly action: ActionNode; readonly role: string }>;
  readonly defaults: readonly string[];
  /** Path → why it is not made. */
  readonly skipped: ReadonlyMap<string, string>;
}

/** Whether `node` also does without what `producer` makes. */
export const isOptional = (node: ActionNode, producer: ActionNode): boolean =>
  node.inputs.every((input) => input.producer?.action !== producer || input.optional === true);

/** Whether `node` reads what is recorded of `producer`: another run of the producer is a change, even with equal outputs. */
export const readsRecordOf = (node: ActionNode, producer: ActionNode): boolean =>
  node.inputs.some((input) => input.kind === "record" && input.producer?.action === producer);

/** The actions that make what `node` reads. */
export function producersOf({ inputs }: ActionNode): ReadonlySet<ActionNode> {
  if (inputs.every(({ producer }) => producer === null)) return NOBODY;
  const producers = new Set<ActionNode>();
  for (const { producer } of inputs) if (producer !== null) producers.add(producer.action);
  return producers;
}

const NOBODY: ReadonlySet<ActionNode> = new Set();
