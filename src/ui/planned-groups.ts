import type { PlannedAction } from "../plan/plan.ts";
import { causeText } from "./format.ts";

/** Actions that a plan shows in one place. */
export interface PlannedGroup {
  readonly first: PlannedAction;
  readonly count: number;
  /** As a person knows the op: its name, or the file of its module. */
  readonly op: string;
  /** Whether all have the causes of the first one, word for word. */
  readonly alike: boolean;
}

/** A plan of so many actions is read action by action. */
const READ_WHOLE = 24;

/**
 * What a long plan counts instead of listing: actions of one op with one verdict, on one lane and for causes of one
 * kind, in the place of the first of them. A short plan has a group for each action.
 */
export function plannedGroups(actions: readonly PlannedAction[]): readonly PlannedGroup[] {
  const single = actions.length <= READ_WHOLE;
  const groups = new Map<string, PlannedAction[]>();
  for (const action of actions) {
    const { node, verdict, causes, from } = action;
    const kinds = causes.map(({ kind }) => kind);
    const name = single
      ? node.id
      : JSON.stringify([opOf(action), verdict, from, node.declaration.resources.gpu > 0, kinds]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [action]);
    else group.push(action);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const told = first.causes.map(causeText).join();
    const alike = group.every(({ causes }) => causes.map(causeText).join() === told);
    return [{ first, count: group.length, op: opOf(first), alike }];
  });
}

function opOf({ node }: PlannedAction): string {
  const { op } = node.declaration;
  return op.runtime === "python" ? op.name : (op.module.split("/").at(-1) ?? op.module);
}
