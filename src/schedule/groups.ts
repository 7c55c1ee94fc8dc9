import { batchGroup } from "../graph/batch.ts";
import { isOptional, producersOf, type ActionNode } from "../graph/graph.ts";
import { Group } from "./backlog.ts";
import { laneOf } from "./lanes.ts";
import { isLost, type Status } from "./status.ts";

interface Member {
  readonly node: ActionNode;
  readonly group: Group<unknown> | null;
  readonly status: Status;
}

/** The batch groups of a build. */
export class Groups<Item extends Member> {
  readonly #byName = new Map<string, Group<Item>>();
  readonly #members = new Map<Group<Item>, Item[]>();
  readonly #itemOf: (node: ActionNode) => Item | undefined;

  /** @param itemOf what the build knows of an action; undefined for one that is no part of the build */
  constructor(itemOf: (node: ActionNode) => Item | undefined) {
    this.#itemOf = itemOf;
  }

  /** The group of an action, the same for all that may run with it; null for one that runs alone. */
  of(node: ActionNode): Group<Item> | null {
    const name = batchGroup(node.declaration);
    if (name === null) return null;
    let group = this.#byName.get(name);
    if (group === undefined) {
      group = new Group<Item>(node.declaration.batch?.most ?? Infinity);
      this.#byName.set(name, group);
      this.#members.set(group, []);
    }
    return group;
  }

  /** To be told once of each member. */
  join(item: Item): void {
    if (item.group !== null) this.#members.get(item.group as Group<Item>)?.push(item);
  }

  /**
   * Whether a group is to wait before it starts a job: a member whose own input is being made will be ready in a
   * moment, and then it shares the job.
   */
  isHeld(group: Group<Item>): boolean {
    return (this.#members.get(group) ?? []).some(
      (item) => item.status === "waiting" && this.#comesSoon(item),
    );
  }

  /**
   * Whether all that an action waits for, and all that these wait for, is over in milliseconds. None of them may be
   * a member of a group: so none of them waits for a group that is held, and each group starts in the end.
   */
  #comesSoon(item: Item): boolean {
    const seen = new Set<ActionNode>();
    const pending = [item];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const node of producersOf(next.node)) {
        const producer = this.#itemOf(node);
        if (producer === undefined || producer.status === "settled" || seen.has(node)) continue;
        if (isLost(producer.status) && isOptional(next.node, node)) continue;
        seen.add(node);
        const quick = laneOf(node.declaration.resources) === "light" && producer.group === null;
        if (!quick || isLost(producer.status)) return false;
        if (producer.status === "waiting") pending.push(producer);
      }
    }
    return true;
  }
}
