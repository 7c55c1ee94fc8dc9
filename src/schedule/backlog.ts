import type { ActionNode } from "../graph/graph.ts";
import { widest, type Resources } from "../model/declaration.ts";
import { sharedPart } from "../plan/estimate.ts";
import { claimOf, timeOf, type Claim, type UnitLoad } from "../plan/shared-devices.ts";
import { laneOf, type Elsewhere, type Lane } from "./lanes.ts";
import { Queue } from "./queue.ts";
import { devicesFor, jobsFor, shareOut, withUsual, worthwhile } from "./share.ts";

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

/** A unit of a lane, with its items in order. */
interface Waiting<Item> {
  readonly unit: unknown;
  readonly items: readonly Item[];
  /** Whether anything is known of the time that items of the lane take. */
  readonly known: boolean;
}

/** With more units than that in a lane the order among them is that of the graph: to compare all takes its time. */
const MANY = 64;

const resourcesOf = ({ node }: Queued): Resources => node.declaration.resources;

const byIndex = (a: Queued, b: Queued): number => a.node.index - b.node.index;

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
  /** What was looked at, and neither taken nor put back. */
  readonly #looked = new Set<Item>();
  readonly #elsewhere: Elsewhere | null;
  readonly #seconds: Elsewhere["seconds"];

  /** @param seconds what an action takes here when it runs alone, by prediction; null where nothing is known */
  constructor(elsewhere: Elsewhere | null = null, seconds: Elsewhere["seconds"] = () => null) {
    this.#elsewhere = elsewhere;
    this.#seconds = seconds;
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

  /**
   * The next that waits in a lane; it has to be put back or taken. Of several that would each start a job on a device
   * it is one of the longest, so that none of these is left over when the others are done.
   */
  look(lane: Lane): Item | undefined {
    const first = this.#queues[lane].pop()?.item;
    if (first === undefined) return undefined;
    const next = lane === "gpu" ? this.#longest(lane, first) : first;
    if (next !== first) {
      this.putBack(lane, first);
      this.#queues[lane].remove(next.node.index);
    }
    this.#looked.add(next);
    return next;
  }

  /**
   * In the place of an item that was looked at the member of its group that can use the most devices: a job that
   * shares its work out has the devices that one of its members can use.
   */
  widest(lane: Lane, item: Item, ready: (item: Item) => boolean): Item {
    const group = item.group as Group<Item> | null;
    if (lane !== "gpu" || group === null) return item;
    const others = [...group.waiting].filter((one) => !this.#looked.has(one) && ready(one));
    const found = widest([item, ...others], resourcesOf) ?? item;
    if (found === item) return item;
    this.putBack(lane, item);
    this.#queues[lane].remove(found.node.index);
    this.#looked.add(found);
    return found;
  }

  /** How many of the free devices a job of `first` is to have that shares its work out. */
  devicesFor(lane: Lane, first: Item, free: number): number {
    const { size } = this.#units[lane];
    if (size === 1) return free;
    if (size > MANY) return 1;
    const loads = this.#loads(lane);
    const mine = loads.find(({ unit }) => unit === (first.group ?? first));
    const others = loads.filter((load) => load !== mine);
    const claim = ({ items, ...load }: (typeof loads)[number]): Claim =>
      claimOf(widest(items, resourcesOf)?.node ?? first.node, load);
    return mine === undefined ? 1 : devicesFor(claim(mine), others.map(claim), free);
  }

  putBack(lane: Lane, item: Item): void {
    this.#looked.delete(item);
    this.#queues[lane].push(item.node.index, item);
  }

  /**
   * Takes what was looked at, and with it members of its group that are `ready`, too. With `leases` to be had, each
   * unit that waits gets its share of them, and a group is spread over its share.
   */
  take(lane: Lane, first: Item, leases: number, ready: (item: Item) => boolean): readonly Item[] {
    this.#looked.delete(first);
    const members = [first, ...this.#mates(lane, first, leases, ready)];
    for (const item of members) this.#forget(item);
    for (const item of members.slice(1)) this.#queues[lane].remove(item.node.index);
    return members.sort((a, b) => a.node.index - b.node.index);
  }

  /** Who shares the job of `first`. */
  #mates(lane: Lane, first: Item, leases: number, ready: (item: Item) => boolean): readonly Item[] {
    const group = first.group as Group<Item> | null;
    if (group === null) return [];
    const all = [...group.waiting].filter(ready).sort(byIndex);
    const parts = all.map(({ node }) => ({
      seconds: this.#secondsOf(lane, node),
      alike: node.declaration.batch?.alike ?? null,
    }));
    const mine = this.#jobsOf(lane, group, leases);
    const worth = lane === "elsewhere" ? (this.#elsewhere?.jobSeconds ?? 0) : 0;
    const room = {
      jobs: worthwhile(
        parts.map(({ seconds }) => seconds),
        mine,
        worth,
      ),
      most: group.most,
      shared: sharedPart(first.node),
    };
    const at = all.indexOf(first);
    const share = shareOut(parts, room).find((members) => members.includes(at)) ?? [];
    return share.flatMap((member) => all[member] ?? []).filter((item) => item !== first);
  }

  /** How many of the free leases a group gets. */
  #jobsOf(lane: Lane, group: Group<Item>, leases: number): number {
    const { size } = this.#units[lane];
    if (size === 1) return leases;
    if (size > MANY) return 1;
    const units = this.#loads(lane);
    const mine = units.find(({ unit }) => unit === group);
    const others = units.filter((unit) => unit !== mine);
    return mine === undefined ? 1 : jobsFor(mine, others, leases);
  }

  /** The first item of the unit that would take longest in one job; `first` where nothing is known of any. */
  #longest(lane: Lane, first: Item): Item {
    const { size } = this.#units[lane];
    if (size < 2 || size > MANY) return first;
    let [best, longest] = [first, -1];
    for (const { items, known, ...load } of this.#loads(lane)) {
      const item = items.find((one) => one === first || !this.#looked.has(one));
      if (item === undefined) continue;
      if (!known) return first;
      const takes = timeOf(load, 1);
      if (takes < longest || (takes === longest && byIndex(item, best) > 0)) continue;
      [best, longest] = [item, takes];
    }
    return best;
  }

  /** What waits in a lane, unit by unit. */
  #loads(lane: Lane): readonly (UnitLoad & Waiting<Item>)[] {
    const units = [...this.#units[lane]].map((unit) => {
      const items =
        unit instanceof Group ? [...(unit as Group<Item>).waiting].sort(byIndex) : [unit as Item];
      return { unit, items, seconds: items.map(({ node }) => this.#secondsOf(lane, node)) };
    });
    const all = withUsual(units.flatMap(({ seconds }) => seconds));
    const known = units.some(({ seconds }) => seconds.some((one) => one !== null));
    let at = 0;
    return units.map(({ unit, items }) => {
      const alone = all.slice(at, (at += items.length));
      const [first] = items;
      return {
        ...{ unit, items, known },
        members: items.length,
        shared: first === undefined ? 0 : sharedPart(first.node),
        longest: Math.max(0, ...alone),
        sum: alone.reduce((sum, one) => sum + one, 0),
      };
    });
  }

  #secondsOf(lane: Lane, node: ActionNode): number | null {
    return lane === "elsewhere" ? (this.#elsewhere?.seconds(node) ?? null) : this.#seconds(node);
  }

  #forget(item: Item): void {
    const lane = this.laneOf(item);
    item.group?.waiting.delete(item);
    if (item.group === null || item.group.waiting.size === 0)
      this.#units[lane].delete(item.group ?? item);
  }
}
