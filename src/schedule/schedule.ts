import { isOptional, producersOf, readsRecordOf, type ActionNode } from "../graph/graph.ts";
import type { Cause } from "../model/verdict.ts";
import type { Judgement } from "../plan/judgement.ts";
import { Backlog, type Group } from "./backlog.ts";
import type { Command, ScheduleEvent } from "./events.ts";
import { Groups } from "./groups.ts";
import { Lanes, type Elsewhere, type Lease } from "./lanes.ts";
import { isLost, type Status } from "./status.ts";

const LANES = ["elsewhere", "gpu", "cpu", "light"] as const;

interface Entry {
  readonly node: ActionNode;
  readonly group: Group<Entry> | null;
  status: Status;
  /** Producers that have not settled. */
  open: number;
  demandedBy: string | null;
  /** It had settled before: consumers may be reading its outputs right now. */
  again: boolean;
  judgement: Judgement | null;
}

export interface ScheduleOptions {
  readonly jobs: number;
  readonly gpus: readonly string[];
  /** Whether these are of one kind, so that a job may share its work out over several; true if not given. */
  readonly gpusAlike?: boolean;
  readonly keepGoing: boolean;
  /** Demands that the plan already knows of: action → the consumer that needs its outputs. */
  readonly demanded?: ReadonlyMap<ActionNode, string>;
  /** What other machines do; null where all is done here. */
  readonly elsewhere?: Elsewhere | null;
  /** What an action takes here when it runs alone, by prediction; null where nothing is known. */
  readonly seconds?: Elsewhere["seconds"];
}

/**
 * The scheduler: event in, commands out; no I/O, no clock, no randomness, so the same events always
 * give the same commands. State is kept in place to stay linear in the number of actions.
 *
 * Nothing starts while something is being judged. That is never long and needs no lease, so it cannot
 * last for ever; and then all is known that can be shared out. Members of a batch group that differ in
 * params read the same files, so they wait for the same actions and are judged together. Where they differ
 * in an input, one may be ready before the next; a group is held while that is a matter of milliseconds.
 */
export class Schedule {
  readonly #entries = new Map<ActionNode, Entry>();
  readonly #groups = new Groups<Entry>((node) => this.#entries.get(node));
  readonly #backlog: Backlog<Entry>;
  readonly #lanes: Lanes;
  readonly #keepGoing: boolean;
  #halted = false;
  #judging = 0;
  /** Judgements, restorations, running actions and jobs. */
  #active = 0;

  constructor(needed: readonly ActionNode[], options: ScheduleOptions) {
    const { elsewhere = null, seconds } = options;
    this.#backlog = new Backlog<Entry>(elsewhere, seconds);
    const { jobs, gpus, gpusAlike } = options;
    this.#lanes = new Lanes(jobs, gpus, elsewhere?.jobs ?? 0, gpusAlike);
    this.#keepGoing = options.keepGoing;
    const included = new Set(needed);
    for (const node of needed) {
      const entry: Entry = {
        node,
        group: this.#groups.of(node),
        status: "waiting",
        open: [...producersOf(node)].filter((producer) => included.has(producer)).length,
        demandedBy: options.demanded?.get(node) ?? null,
        again: false,
        judgement: null,
      };
      this.#entries.set(node, entry);
      this.#groups.join(entry);
    }
  }

  /** True when nothing is under way and nothing more can start. */
  get finished(): boolean {
    return this.#active === 0;
  }

  handle(event: ScheduleEvent): readonly Command[] {
    const commands: Command[] = [];
    switch (event.type) {
      case "begin":
        for (const entry of this.#entries.values()) {
          if (entry.open === 0) this.#askForJudgement(entry, commands);
        }
        break;
      case "judged":
        this.#judged(this.#entry(event.node), event.judgement, commands);
        break;
      case "succeeded": {
        this.#active -= 1;
        this.#settle(this.#entry(event.node), event, commands);
        break;
      }
      case "not_restored": {
        this.#active -= 1;
        this.#askForJudgement(this.#entry(event.node), commands);
        break;
      }
      case "refused":
        this.#judging -= 1;
        this.#failed(this.#entry(event.node), commands);
        break;
      case "failed":
        this.#failed(this.#entry(event.node), commands);
        break;
      case "submitted":
        // Its consumers stay where they are: another build goes on with them.
        this.#active -= 1;
        this.#entry(event.node).status = "submitted";
        break;
      case "job_ended":
        this.#active -= 1;
        this.#lanes.giveBack(event.job.lease);
        break;
      case "cancel":
        this.#halted = true;
        commands.push({ type: "stop_running" });
        break;
    }
    this.#startQueued(commands);
    return commands;
  }

  #judged(entry: Entry, judgement: Judgement, commands: Command[]): void {
    this.#active -= 1;
    this.#judging -= 1;
    if (this.#mustWait(entry, commands)) return; // something happened while it was judged
    entry.judgement = judgement;
    switch (judgement.verdict) {
      case "fresh":
        this.#settle(entry, null, commands);
        return;
      case "restore":
        if (this.#halted) {
          entry.status = "waiting";
          return;
        }
        entry.status = "restoring";
        this.#active += 1;
        commands.push({ type: "restore", node: entry.node, judgement });
        return;
      case "run":
        if (judgement.missingFrom.length > 0) {
          this.#bringBack(entry, judgement.missingFrom, commands);
        } else {
          entry.status = "queued";
          this.#backlog.add(entry);
        }
        return;
      case "blocked":
        entry.status = "blocked";
        commands.push({ type: "report_blocked", node: entry.node, causes: judgement.causes });
        this.#blockConsumers(entry, commands);
        return;
      case "unknown":
        throw new Error(`${entry.node.id} was judged before its inputs were known`);
    }
  }

  #failed(entry: Entry, commands: Command[]): void {
    this.#active -= 1;
    entry.status = "failed";
    this.#blockConsumers(entry, commands);
    if (!this.#keepGoing) this.#halted = true;
  }

  /** The outputs of these producers are needed in the workspace before `consumer` can run. */
  #bringBack(consumer: Entry, producers: readonly ActionNode[], commands: Command[]): void {
    consumer.status = "waiting";
    for (const node of producers) {
      const producer = this.#entry(node);
      producer.demandedBy ??= consumer.node.id;
      this.#judgeAgain(producer, commands);
    }
  }

  /** @param made how it was made just now; null if it was fresh */
  #settle(entry: Entry, made: { readonly changed: boolean } | null, commands: Command[]): void {
    entry.status = "settled";
    const consumers = entry.node.consumers.flatMap((node) => this.#entries.get(node) ?? []);
    for (const consumer of consumers) {
      if (consumer.status !== "settled" || made === null) continue;
      if (made.changed || readsRecordOf(consumer.node, entry.node))
        this.#judgeAgain(consumer, commands);
    }
    for (const consumer of consumers) {
      if (consumer.status !== "waiting") continue;
      consumer.open -= 1;
      if (consumer.open === 0) this.#askForJudgement(consumer, commands);
    }
  }

  /** A settled action becomes unsettled: actions that have not started wait for it once more. */
  #judgeAgain(entry: Entry, commands: Command[]): void {
    for (const node of entry.node.consumers) {
      const consumer = this.#entries.get(node);
      if (consumer === undefined) continue;
      if (consumer.status === "queued") {
        this.#backlog.remove(consumer);
        consumer.status = "waiting";
      }
      if (consumer.status === "waiting") consumer.open += 1;
    }
    entry.again = true;
    this.#askForJudgement(entry, commands);
  }

  #askForJudgement(entry: Entry, commands: Command[]): void {
    if (this.#mustWait(entry, commands)) return;
    entry.status = "judging";
    this.#active += 1;
    this.#judging += 1;
    commands.push({ type: "judge", node: entry.node, demandedBy: entry.demandedBy });
  }

  /** True when a producer is not settled, or no longer; the action then waits, or is blocked. */
  #mustWait(entry: Entry, commands: Command[]): boolean {
    const unsettled = [...producersOf(entry.node)]
      .flatMap((node) => this.#entries.get(node) ?? []) // the other nodes are not asked for
      .filter(({ status }) => status !== "settled")
      .filter(({ node, status }) => !isLost(status) || !isOptional(entry.node, node));
    if (unsettled.length === 0) return false;
    entry.open = unsettled.length;
    entry.status = "waiting";
    const lost = unsettled.find(({ status }) => isLost(status));
    if (lost !== undefined) this.#blockConsumers(lost, commands);
    return true;
  }

  #blockConsumers(failed: Entry, commands: Command[]): void {
    const pending = [failed];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const cause: Cause = { kind: "blocked_by", producer: next.node.id };
      for (const node of next.node.consumers) {
        const entry = this.#entries.get(node);
        if (entry?.status !== "waiting") continue;
        if (isOptional(node, next.node)) {
          this.#askForJudgement(entry, commands); // it does without
          continue;
        }
        entry.status = "blocked";
        commands.push({ type: "report_blocked", node, causes: [cause] });
        pending.push(entry);
      }
    }
  }

  #startQueued(commands: Command[]): void {
    if (this.#halted || this.#judging > 0) return;
    const ready = (entry: Entry): boolean => !entry.again || !this.#isBeingRead(entry);
    const held = new Map<Group<Entry> | null, boolean>([[null, false]]);
    const mayStart = (entry: Entry): boolean => {
      const { group } = entry;
      if (group !== null && !held.has(group)) held.set(group, this.#groups.isHeld(group));
      return held.get(group) === false && ready(entry);
    };
    for (const lane of LANES) {
      const passed: Entry[] = [];
      while (!this.#lanes.isFull(lane)) {
        const entry = this.#backlog.look(lane);
        if (entry === undefined) break;
        if (!mayStart(entry) || this.#lanes.fits(entry.node.declaration.resources, lane) === 0) {
          passed.push(entry);
          continue;
        }
        const first = this.#backlog.widest(lane, entry, ready);
        const { resources } = first.node.declaration;
        const leases = this.#lanes.fits(resources, lane);
        const lease = this.#lanes.take(resources, lane, (free) =>
          this.#backlog.devicesFor(lane, first, free),
        );
        if (lease === null) passed.push(first);
        else this.#start(this.#backlog.take(lane, first, leases, ready), lease, commands);
      }
      for (const entry of passed) this.#backlog.putBack(lane, entry);
    }
  }

  #start(entries: readonly Entry[], lease: Lease, commands: Command[]): void {
    const members = entries.map((entry) => {
      if (entry.judgement === null) throw new Error(`${entry.node.id} was queued unjudged`);
      entry.status = "running";
      return { node: entry.node, judgement: entry.judgement };
    });
    this.#active += members.length + 1;
    commands.push({ type: "run", job: { members, lease } });
  }

  #isBeingRead({ node }: Entry): boolean {
    const reads = (status: Status | undefined): boolean =>
      status === "running" || status === "restoring";
    return node.consumers.some((consumer) => reads(this.#entries.get(consumer)?.status));
  }

  #entry(node: ActionNode): Entry {
    const entry = this.#entries.get(node);
    if (entry === undefined) throw new Error(`${node.id} is not part of this build`);
    return entry;
  }
}
