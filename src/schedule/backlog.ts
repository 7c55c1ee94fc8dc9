import type { ActionNode } from "../graph/graph.ts";
import { laneOf, type Elsewhere, type Lane } from "./lanes.ts";
import { Queue } from "./queue.ts";
import { evenShare, timedShare } from "./share.ts";

/** Actions that may run in one job, and those that wait for a lease now. */
export class Group<Item> {
  readonly most: number;
  readonly waiting = new Set<Item>();

  constructor(most: number) {
    this.most = most;
  }
}

/** An action that can be queued, alone or with others of its group. */
export interface Queued {
  readonly node: ActionNode;
  readonly group: Group<Queued> | null;
}

/** All that waits for a lease, lane by lane, in topological order. */
export class Backlog<Item extends Queued> {
  readonly #queues: Readonly<Record<Lane, Queue<Item>>> = {
    gpu: new Queue(),
    cpu: new Queue(),
    light: new Queue(),
    elsewhere: new Queue(),
  };
  /** What would each start a job of its own: groups, and actions without one. */
  readonly #units: Readonly<Record<Lane, Set<unknown>>> = {
    gpu: new Set(),
    cpu: new Set(),
    light: new Set(),
    elsewhere: new Set(),
  };
  readonly #elsewhere: Elsewhere | null;

  constructor(elsewhere: Elsewhere | null = null) {
    this.#elsewhere = elsewhere;
  }

  laneOf({ node }: Item): Lane {
    return this.#elsewhere?.takes(node) === true ? "elsewhere" : laneOf(node.declaration.resources);
  }

  add(item: Item): void {
    const lane = this.laneOf(item);
    this.#queues[lane].push(item.node.index, item);
    this.#units[lane].add(item.group ?? item);
    item.group?.waiting.add(item);
  }

  /** Takes out of turn what has not been looked at; it must be waiting. */
  remove(item: Item): void {
    this.#queues[this.laneOf(item)].remove(item.node.index);
    this.#forget(item);
  }

  /** The first that waits in a lane. It has to be put back or taken. */
  look(lane: Lane): Item | undefined {
    return this.#queues[lane].pop()?.item;
  }

  putBack(lane: Lane, item: Item): void {
    this.#queues[lane].push(item.node.index, item);
  }

  /**
   * Takes what was looked at, and with it members of its group that are `ready`, too. With `leases` to be
   * had, each unit that waits gets its share of them, and a group is spread over its share.
   */
  take(lane: Lane, first: Item, leases: number, ready: (item: Item) => boolean): readonly Item[] {
    const members = [first];
    if (first.group !== null) {
      const { waiting, most } = first.group as Group<Item>;
      const all = [...waiting].filter(ready).sort((a, b) => a.node.index - b.node.index);
      const share = Math.max(1, Math.floor(leases / this.#units[lane].size));
      const size = Math.min(most, this.#shareOf(lane, all, share));
      for (const item of all) {
        if (members.length >= size) break;
        if (item !== first) members.push(item);
      }
    }
    this.#forget(first);
    for (const item of members.slice(1)) this.remove(item);
    return members;
  }

  /** A job elsewhere starts in its own time, so there it is worth it to look at how long members take. */
  #shareOf(lane: Lane, all: readonly Item[], jobs: number): number {
    if (lane !== "elsewhere" || this.#elsewhere === null) return evenShare(all.length, jobs);
    const { seconds, jobSeconds } = this.#elsewhere;
    const alone = all.map(({ node }) => seconds(node));
    return timedShare(alone, jobs, jobSeconds);
  }

  #forget(item: Item): void {
    const lane = this.laneOf(item);
    item.group?.waiting.delete(item);
    if (item.group === null || item.group.waiting.size === 0)
      this.#units[lane].delete(item.group ?? item);
  }
}
