import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { producersOf, type ActionNode } from "../../src/graph/graph.ts";
import { recordPath } from "../../src/model/record.ts";
import type { Judgement } from "../../src/plan/judgement.ts";
import type { Command, Job, ScheduleEvent } from "../../src/schedule/events.ts";
import { Schedule } from "../../src/schedule/schedule.ts";
import { runs } from "../rig/wide.ts";
import { graphOf, selectAll, type Sketch } from "./support/graphs.ts";
import { defined } from "./support/results.ts";

/** What the simulated world knows of one action. */
interface Fate {
  /** Indices of earlier actions that it reads. */
  readonly reads: readonly number[];
  /** Of which of them it reads the record, not the output. */
  readonly records?: readonly number[];
  readonly verdict: "fresh" | "restore" | "run" | "blocked";
  /** Fresh, but its output is not in the workspace: a consumer that runs asks for it. */
  readonly absent: boolean;
  /** How an absent output comes back. */
  readonly comesBack: "restore" | "run";
  readonly fails: boolean;
  readonly changes: boolean;
  readonly gpu: number;
  readonly cpu: number;
  /** Devices that a job shares its work out over, where it needs one. */
  readonly upToGpus?: number | null;
  /** May run with others that read the same and have the same resources, at most so many. */
  readonly batch: number | null;
  /** An earlier action whose output is its own input, in which members of its batch may differ. */
  readonly own?: number | null;
  /** Predicted, alone; null or absent where nothing is known. */
  readonly seconds?: number | null;
  readonly alike?: string;
}

interface Timeline {
  readonly fates: readonly Fate[];
  readonly jobs: number;
  readonly gpus: readonly string[];
  readonly gpusAlike?: boolean;
  readonly keepGoing: boolean;
  /** Cancels after this many events. */
  readonly cancelAfter: number | null;
  /** Which pending event comes next, as a fraction of those pending. */
  readonly picks: readonly number[];
}

const file = (path: string) => ({ path, kind: "file" }) as const;
const recordOf = (target: string) =>
  ({ path: recordPath(target), kind: "record", recordOf: target, optional: true }) as const;

const GPUS = ["0", "1", "2"];

function fateArbitrary(index: number, quiet: boolean): fc.Arbitrary<Fate> {
  return fc.record<Fate>({
    reads:
      index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat({ max: index - 1 }), { maxLength: 3 }),
    verdict: quiet
      ? fc.constantFrom("fresh", "run", "run", "restore")
      : fc.constantFrom("fresh", "fresh", "run", "run", "run", "restore", "blocked"),
    absent: fc.boolean(),
    comesBack: fc.constantFrom("restore", "run"),
    fails: quiet ? fc.constant(false) : fc.nat({ max: 9 }).map((n) => n === 0),
    changes: fc.boolean(),
    gpu: fc.constantFrom(0, 0, 0, 1, 2),
    cpu: fc.constantFrom(0, 1, 1, 2, 5),
    upToGpus: fc.constantFrom(null, null, 2, 100),
    batch: fc.constantFrom(null, null, 2, 3, 100),
    own: index === 0 ? fc.constant(null) : fc.option(fc.nat({ max: index - 1 })),
    seconds: fc.option(fc.nat({ max: 100 })),
    alike: fc.constantFrom("one", "other"),
  });
}

const timelines = (options: { quiet?: boolean; cancel?: boolean } = {}): fc.Arbitrary<Timeline> =>
  fc.integer({ min: 1, max: 14 }).chain((size) =>
    fc.record({
      fates: fc.tuple(
        ...Array.from({ length: size }, (_, i) => fateArbitrary(i, options.quiet ?? false)),
      ),
      jobs: fc.integer({ min: 1, max: 4 }),
      gpus: fc.constantFrom(GPUS.slice(0, 2), GPUS),
      keepGoing: fc.boolean(),
      cancelAfter: options.cancel === true ? fc.nat({ max: 2 * size }) : fc.constant(null),
      picks: fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), {
        minLength: 8,
        maxLength: 40,
      }),
    }),
  );

type Outcome = "settled" | "failed" | "blocked";

/** Performs commands in any order and checks what must hold at every moment. */
class World {
  readonly nodes: readonly ActionNode[];
  readonly outcomes = new Map<ActionNode, Outcome>();
  readonly runs = new Map<ActionNode, number>();
  readonly commands: Command[] = [];
  readonly restarted = new Set<ActionNode>();
  /** What runs at this moment. */
  readonly active = new Set<ActionNode>();
  readonly jobs: Job[] = [];
  /** Judgements that were asked for and not given. */
  #judging = 0;
  stopped = false;
  readonly schedule: Schedule;
  readonly #timeline: Timeline;
  readonly #back = new Set<ActionNode>();
  readonly #pending: { event: ScheduleEvent; free: () => void }[] = [];
  #cpu = 0;
  readonly #gpus = new Set<string>();

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    const graph = graphOf(
      ...timeline.fates.map(
        (
          { reads, records = [], gpu, cpu, upToGpus = null, batch, own = null, alike },
          index,
        ): Sketch => ({
          makes: `a${index}`,
          from: {
            ...Object.fromEntries(
              [...reads]
                .sort((a, b) => a - b)
                .map((read) => [
                  `a${read}`,
                  records.includes(read) ? recordOf(`a${read}`) : file(`a${read}`),
                ]),
            ),
            ...(own === null ? {} : { own: file(`a${own}`) }),
          },
          gpu,
          cpu,
          ...(gpu === 1 && upToGpus !== null ? { upToGpus } : {}),
          params: { index },
          ...(batch === null
            ? {}
            : {
                batch: {
                  ...{ apart: ["index", "own"], most: batch },
                  ...(alike === undefined ? {} : { alike }),
                },
              }),
        }),
      ),
    );
    this.nodes = graph.actions;
    const seconds = (node: ActionNode): number | null => this.fate(node).seconds ?? null;
    this.schedule = new Schedule(selectAll(graph).needed, { ...timeline, seconds });
  }

  play(): this {
    const { picks, cancelAfter } = this.#timeline;
    this.#send({ type: "begin" });
    for (let step = 0; this.#pending.length > 0; step++) {
      if (step > 5000) throw new Error("the build does not end");
      if (step === cancelAfter) {
        this.stopped = true;
        this.#send({ type: "cancel" });
      }
      const pick = defined(picks[step % picks.length]);
      const [next] = this.#pending.splice(Math.floor(pick * this.#pending.length), 1);
      const { event, free } = defined(next);
      free();
      this.#send(event);
    }
    return this;
  }

  fate(node: ActionNode): Fate {
    return defined(this.#timeline.fates[Number(node.id.slice(1))]);
  }

  producers(node: ActionNode): readonly ActionNode[] {
    return [...producersOf(node)];
  }

  #send(event: ScheduleEvent): void {
    if (event.type === "failed") {
      this.outcomes.set(event.node, "failed");
      if (!this.#timeline.keepGoing) this.stopped = true;
    }
    if (event.type === "succeeded") {
      this.outcomes.set(event.node, "settled");
      this.#back.add(event.node);
    }
    if (event.type === "judged") this.#judging -= 1;
    if (event.type === "judged" && event.judgement.verdict === "fresh") {
      this.outcomes.set(event.node, "settled");
    }
    for (const command of this.schedule.handle(event)) this.#perform(command);
  }

  #perform(command: Command): void {
    this.commands.push(command);
    switch (command.type) {
      case "judge": {
        const { node, demandedBy } = command;
        for (const producer of this.producers(node)) {
          expect(this.outcomes.get(producer), `${producer.id} before ${node.id}`).toBe("settled");
        }
        if (this.outcomes.has(node)) this.restarted.add(node);
        this.outcomes.delete(node);
        this.#judging += 1;
        const judgement = this.#judge(node, demandedBy);
        this.#later({ type: "judged", node, judgement });
        return;
      }
      case "restore":
        expect(this.stopped, `${command.node.id} starts after the stop`).toBe(false);
        this.#later({ type: "succeeded", node: command.node, changed: true });
        return;
      case "run":
        this.#run(command.job);
        return;
      case "report_blocked":
        // A settled one may be lost again: asked for its absent output, it waits for its producers.
        expect([undefined, "settled"]).toContain(this.outcomes.get(command.node));
        this.outcomes.set(command.node, "blocked");
        return;
      case "stop_running":
        return;
    }
  }

  #run(job: Job): void {
    const { members, lease } = job;
    const fates = members.map(({ node }) => this.fate(node));
    const [first] = fates;
    const { gpu, cpu } = defined(first);
    expect(this.#judging, "what may belong together is not yet known").toBe(0);
    for (const fate of fates.slice(1)) {
      const common = ({ reads, ...rest }: Fate): unknown[] => [
        [...reads].sort(),
        rest.gpu,
        rest.cpu,
        rest.batch,
        typeof rest.own,
      ];
      expect(common(fate), "a job of several groups").toEqual(common(defined(first)));
    }
    expect(members.length).toBeLessThanOrEqual(defined(first).batch ?? 1);
    const { gpus, gpusAlike = true } = this.#timeline;
    const useful = Math.max(...fates.map(({ upToGpus }) => upToGpus ?? gpu));
    const most = gpu === 1 && gpusAlike ? useful : gpu;
    const free = gpus.length - this.#gpus.size;
    expect(lease.gpus.length).toBeLessThanOrEqual(gpu === 0 ? 0 : Math.min(free, most));
    expect(lease.gpus.length).toBeGreaterThanOrEqual(gpu);
    for (const device of lease.gpus) {
      expect(this.#timeline.gpus).toContain(device);
      expect(this.#gpus, `GPU ${device} is leased twice`).not.toContain(device);
      this.#gpus.add(device);
    }
    this.#cpu += lease.cpu;
    expect(lease.cpu).toBe(gpu > 0 ? 0 : Math.min(cpu, this.#timeline.jobs));
    expect(this.#cpu).toBeLessThanOrEqual(this.#timeline.jobs);
    this.jobs.push(job);
    let left = members.length;
    for (const { node } of members) {
      expect(this.stopped, `${node.id} starts after the stop`).toBe(false);
      for (const consumer of node.consumers) {
        expect(this.active, `${node.id} is replaced under its reader`).not.toContain(consumer);
      }
      expect(this.active, `${node.id} runs twice at a time`).not.toContain(node);
      this.active.add(node);
      this.runs.set(node, (this.runs.get(node) ?? 0) + 1);
      const { fails, changes } = this.fate(node);
      const event: ScheduleEvent = fails
        ? { type: "failed", node }
        : { type: "succeeded", node, changed: changes };
      this.#later(event, () => {
        this.active.delete(node);
        left -= 1;
        if (left > 0) return;
        this.#later({ type: "job_ended", job }, () => {
          this.#cpu -= lease.cpu;
          for (const device of lease.gpus) this.#gpus.delete(device);
        });
      });
    }
  }

  #judge(node: ActionNode, demandedBy: string | null): Judgement {
    const fate = this.fate(node);
    const base = {
      causes: [],
      key: null,
      description: null,
      result: null,
      absent: new Set<string>(),
      missingFrom: [],
    };
    if (this.#back.has(node)) return { ...base, verdict: "fresh" };
    const demanded = demandedBy !== null && fate.verdict === "fresh" && fate.absent;
    const verdict = demanded ? fate.comesBack : fate.verdict;
    if (verdict !== "run") return { ...base, verdict };
    const missingFrom = this.producers(node).filter(
      (producer) =>
        this.fate(producer).verdict === "fresh" &&
        this.fate(producer).absent &&
        !this.#back.has(producer),
    );
    return { ...base, verdict, missingFrom };
  }

  #later(event: ScheduleEvent, free: () => void = () => undefined): void {
    this.#pending.push({ event, free });
  }
}

const textOf = (command: Command): string =>
  command.type === "run"
    ? `run ${command.job.members.map(({ node }) => node.id).join(" ")}`
    : "node" in command
      ? `${command.type} ${command.node.id}`
      : command.type;

const every = (arbitrary: fc.Arbitrary<Timeline>, check: (world: World) => void): void =>
  fc.assert(
    fc.property(arbitrary, (timeline) => {
      check(new World(timeline).play());
    }),
    { numRuns: runs(400) },
  );

describe("the schedule, in a world where events come in any order", () => {
  it("judges an action only after all its producers settled, and never over-grants a lane", () => {
    // Both are checked at every single command; here we see that the worlds get to an end.
    every(timelines(), (world) => expect(world.schedule.finished).toBe(true));
  });

  it("without failures, settles everything: there is no deadlock", () => {
    every(timelines({ quiet: true }), (world) => {
      for (const node of world.nodes) expect(world.outcomes.get(node), node.id).toBe("settled");
    });
  });

  it("runs an action at most once, unless an absent output was asked for", () => {
    every(timelines(), (world) => {
      const asked = world.restarted.size > 0;
      for (const node of world.nodes) {
        if (!asked) expect(world.runs.get(node) ?? 0, node.id).toBeLessThanOrEqual(1);
      }
    });
  });

  it("with keep-going, finishes all that is not downstream of a failure", () => {
    const arbitrary = timelines().map((timeline) => ({ ...timeline, keepGoing: true }));
    every(arbitrary, (world) => {
      for (const node of world.nodes) {
        const outcome = world.outcomes.get(node);
        expect(outcome, `${node.id} was forgotten`).toBeDefined();
        if (outcome !== "blocked" || world.fate(node).verdict === "blocked") continue;
        const behind = world
          .producers(node)
          .some((producer) => world.outcomes.get(producer) !== "settled");
        expect(behind, `${node.id} is blocked for no reason`).toBe(true);
      }
    });
  });

  it("without it, starts nothing after the first failure", () => {
    // Every start checks it; here we see that what was not started is accounted for.
    const arbitrary = timelines().map((timeline) => ({ ...timeline, keepGoing: false }));
    every(arbitrary, (world) => {
      const failed = [...world.outcomes.values()].includes("failed");
      expect(world.stopped).toBe(failed);
    });
  });

  it("after a cancel, stops what runs, starts nothing, and ends", () => {
    every(timelines({ quiet: true, cancel: true }), (world) => {
      expect(world.schedule.finished).toBe(true);
      const stops = world.commands.filter(({ type }) => type === "stop_running");
      expect(stops).toHaveLength(world.stopped ? 1 : 0);
    });
  });

  it("gives the same commands for the same events", () => {
    fc.assert(
      fc.property(timelines(), (timeline) => {
        const text = (world: World): readonly string[] =>
          world.commands.map((command) => textOf(command));
        expect(text(new World(timeline).play())).toEqual(text(new World(timeline).play()));
      }),
      { numRuns: 50 },
    );
  });
});

describe("bringing absent outputs back", () => {
  const fate: Fate = {
    reads: [],
    verdict: "run",
    absent: false,
    comesBack: "restore",
    fails: false,
    changes: false,
    gpu: 0,
    cpu: 1,
    batch: null,
  };
  const absent: Fate = { ...fate, verdict: "fresh", absent: true };
  const play = (...fates: readonly Fate[]): World =>
    new World({
      fates,
      jobs: 4,
      gpus: [],
      keepGoing: false,
      cancelAfter: null,
      picks: [0],
    }).play();

  it("happens once for two consumers that ask at the same time, and then both run", () => {
    const world = play(absent, { ...fate, reads: [0] }, { ...fate, reads: [0] });
    const restored = world.commands.filter(({ type }) => type === "restore");
    expect(restored).toHaveLength(1);
    expect(world.nodes.map((node) => world.runs.get(node) ?? 0)).toEqual([0, 1, 1]);
  });

  it("reaches further up when the producer must run and lacks its own input", () => {
    const world = play(
      absent,
      { ...absent, reads: [0], comesBack: "run" },
      { ...fate, reads: [1] },
    );
    expect(world.nodes.map((node) => world.runs.get(node) ?? 0)).toEqual([0, 1, 1]);
  });

  it("makes a settled consumer look again when its producer was made with other content", () => {
    const other = { ...fate, verdict: "fresh", reads: [0] } as const;
    const world = play({ ...absent, comesBack: "run", changes: true }, other, {
      ...fate,
      reads: [0, 1],
    });
    const judged = world.commands.flatMap((c) => (c.type === "judge" ? [c.node.id] : []));
    expect(judged.filter((id) => id === "a1")).toHaveLength(2);
    expect(world.outcomes.get(defined(world.nodes[2]))).toBe("settled");
  });

  it("makes one that read the record look again, though the outputs came back as they were", () => {
    const other = { ...fate, verdict: "fresh", reads: [0] } as const;
    const asker = { ...fate, reads: [0, 1] };
    const back = { ...absent, comesBack: "run" } as const;
    const judged = (of: Fate): number =>
      play(back, of, asker).commands.filter((c) => c.type === "judge" && c.node.id === "a1").length;
    expect(judged(other)).toBe(1);
    expect(judged({ ...other, records: [0] })).toBe(2);
  });

  it("waits until nobody reads the outputs that are about to be replaced", () => {
    const graph = graphOf(
      { makes: "made" },
      { makes: "other" },
      { makes: "reader", from: ["made"] },
      { makes: "asker", from: ["made", "other"] },
    );
    const needed = selectAll(graph).needed;
    const schedule = new Schedule(needed, { jobs: 4, gpus: [], keepGoing: false });
    const [made, other, reader, asker] = ["made", "other", "reader", "asker"].map(
      (id) => defined(graph.byOutput.get(id)).action,
    ) as [ActionNode, ActionNode, ActionNode, ActionNode];
    const judged = (
      node: ActionNode,
      verdict: "fresh" | "run",
      missingFrom: readonly ActionNode[] = [],
    ): readonly string[] =>
      handle({
        type: "judged",
        node,
        judgement: {
          verdict,
          causes: [],
          key: null,
          description: null,
          result: null,
          absent: new Set(),
          missingFrom,
        },
      });
    const handle = (event: ScheduleEvent): readonly string[] => schedule.handle(event).map(textOf);

    expect(handle({ type: "begin" })).toEqual(["judge made", "judge other"]);
    expect(judged(made, "fresh")).toEqual(["judge reader"]);
    expect(judged(other, "run")).toEqual([]); // the reader may be about to start, too
    expect(judged(reader, "run")).toEqual(["run other", "run reader"]);
    expect(handle({ type: "succeeded", node: other, changed: true })).toEqual(["judge asker"]);
    expect(judged(asker, "run", [made])).toEqual(["judge made"]);
    expect(judged(made, "run")).toEqual([]); // the reader is still at it
    expect(handle({ type: "succeeded", node: reader, changed: true })).toEqual(["run made"]);
    expect(handle({ type: "succeeded", node: made, changed: true })).toEqual([
      "judge reader",
      "judge asker",
    ]);
  });
});

describe("a batch group", () => {
  const fate: Fate = {
    reads: [],
    verdict: "run",
    absent: false,
    comesBack: "run",
    fails: false,
    changes: false,
    gpu: 1,
    cpu: 1,
    batch: 100,
  };
  const sizes = (jobs: number, gpus: number, ...fates: readonly Fate[]): readonly number[] => {
    const picks = [0];
    const names = Array.from({ length: gpus }, (_, index) => String(index));
    const timeline = { fates, jobs, gpus: names, keepGoing: false, cancelAfter: null, picks };
    return new World(timeline).play().jobs.map(({ members }) => members.length);
  };
  const some = (count: number, more: Partial<Fate> = {}): Fate[] =>
    Array.from({ length: count }, () => ({ ...fate, ...more }));

  it("runs in one job where there is one device", () => {
    expect(sizes(1, 1, ...some(16))).toEqual([16]);
  });

  it.each([
    [2, 16, [8, 8]],
    [3, 16, [6, 5, 5]],
    [4, 3, [1, 1, 1]],
    [2, 5, [3, 2]],
  ])("is spread over %i devices", (gpus, members, expected) => {
    expect(sizes(1, gpus, ...some(members))).toEqual(expected);
  });

  it("takes a CPU slot for each of its jobs, not for each member", () => {
    expect(sizes(2, 0, ...some(7, { gpu: 0 }))).toEqual([4, 3]);
  });

  it("comes in jobs of no more than it says", () => {
    expect(sizes(1, 1, ...some(7, { batch: 3 }))).toEqual([3, 2, 2]);
  });

  it("leaves a device to another group that is ready, so that each pays its start once", () => {
    const other = some(8, { batch: 99 });
    expect(sizes(1, 2, ...some(8), ...other)).toEqual([8, 8]);
  });

  it("leaves more devices to the group that takes longer", () => {
    const long = some(4, { seconds: 100 });
    const short = some(4, { seconds: 10, batch: 99 });
    expect(sizes(1, 5, ...short, ...long)).toEqual([1, 1, 1, 1, 4]);
  });

  it("starts before others where it takes longer, so that it is not left over", () => {
    const fates = [10, 20, 30].flatMap((seconds) => some(2, { seconds, batch: seconds }));
    const world = { fates, jobs: 1, gpus: ["0"], keepGoing: true, cancelAfter: null, picks: [0] };
    const first = new World(world).play().jobs.map(({ members }) => members[0]?.node.id);
    expect(first).toEqual(["a4", "a2", "a0"]);
  });

  it("keeps together what is alike", () => {
    const fates = ["a", "b", "c", "b", "c", "a"].flatMap((alike) => some(1, { alike }));
    const world = {
      ...{ fates, jobs: 1, gpus: ["0", "1", "2"] },
      ...{ keepGoing: true, cancelAfter: null, picks: [0] },
    };
    const jobs = new World(world)
      .play()
      .jobs.map(({ members }) => members.map(({ node }) => node.id));
    expect(jobs).toEqual([
      ["a0", "a5"],
      ["a1", "a3"],
      ["a2", "a4"],
    ]);
  });

  it("has only those that have to run", () => {
    expect(sizes(1, 1, ...some(3), ...some(2, { verdict: "fresh" }))).toEqual([3]);
  });

  const made = (own: number, more: Partial<Fate> = {}): Fate => ({ ...fate, own, ...more });
  const maker: Fate = { ...fate, gpu: 0, cpu: 0, batch: null };

  it("waits for the rest of its members where the input of each is made by a light action", () => {
    const makers = some(6, maker);
    const members = makers.map((_, index) => made(index));
    expect(sizes(1, 1, ...makers, ...members).filter((size) => size > 1)).toEqual([6]);
  });

  it("has all its members where one light action makes the inputs of all", () => {
    expect(sizes(1, 1, maker, ...some(60, { own: 0 }))).toEqual([1, 60]);
  });

  it("does not wait for a member whose input takes long to make", () => {
    const slow: Fate = { ...maker, cpu: 1 };
    // Two slow ones take the one slot in turn, so one member is ready long before the other.
    const fates = [slow, slow, made(0), made(1)];
    const first = { fates, jobs: 1, gpus: ["0"], keepGoing: true, cancelAfter: null, picks: [0] };
    const ids = new World(first)
      .play()
      .jobs.map(({ members }) => members.map(({ node }) => node.id));
    expect(ids).toEqual([["a0"], ["a2"], ["a1"], ["a3"]]);
  });

  it("does not wait for a member whose input is made from the result of another member", () => {
    // a1 is measured, a2 is decided by that, and a3 measures what was decided.
    expect(sizes(1, 1, maker, made(0), { ...maker, reads: [1] }, made(2))).toEqual([1, 1, 1, 1]);
  });

  it("does without a member whose input cannot be made", () => {
    const makers = [maker, { ...maker, fails: true }, maker];
    const fates = [...makers, ...makers.map((_, index) => made(index))];
    const timeline = {
      fates,
      jobs: 1,
      gpus: ["0"],
      keepGoing: true,
      cancelAfter: null,
      picks: [0],
    };
    const world = new World(timeline).play();
    expect(world.jobs.at(-1)?.members.map(({ node }) => node.id)).toEqual(["a3", "a5"]);
    expect([...world.outcomes.values()].slice(3)).toHaveLength(3);
    expect(world.outcomes.get(defined(world.nodes[4]))).toBe("blocked");
  });

  it("that failed in part goes on with the rest of its job", () => {
    const timeline = {
      fates: [...some(1, { fails: true }), ...some(3)],
      jobs: 1,
      gpus: ["0"],
      keepGoing: false,
      cancelAfter: null,
      picks: [0],
    };
    const world = new World(timeline).play();
    expect([...world.outcomes.values()]).toEqual(["failed", "settled", "settled", "settled"]);
    expect(world.schedule.finished).toBe(true);
  });

  describe("that shares its work out over devices itself", () => {
    const leased = (
      gpus: number,
      fates: readonly Fate[],
      more: Partial<Timeline> = {},
    ): readonly (readonly [members: number, devices: number])[] => {
      const names = Array.from({ length: gpus }, (_, index) => String(index));
      const base = { jobs: 1, keepGoing: false, cancelAfter: null, picks: [0] };
      return new World({ fates, gpus: names, ...base, ...more })
        .play()
        .jobs.map(({ members, lease }) => [members.length, lease.gpus.length]);
    };

    it.each([1, 2, 4])("is one job with all of %i devices", (gpus) => {
      expect(leased(gpus, some(16, { upToGpus: 100 }))).toEqual([[16, gpus]]);
      expect(leased(gpus, some(1, { upToGpus: 100, batch: null }))).toEqual([[1, gpus]]);
    });

    it("leaves to others what it cannot use", () => {
      const other = some(4, { batch: 99 });
      expect(leased(4, [...some(16, { upToGpus: 2 }), ...other])).toEqual([
        [16, 2],
        [2, 1],
        [2, 1],
      ]);
    });

    it("has the devices that one of its members can use, whichever comes first", () => {
      const wide = some(1, { upToGpus: 3 });
      expect(leased(4, [...some(7), ...wide, ...some(4)])).toEqual([[12, 3]]);
      expect(leased(4, [...wide, ...some(11)])).toEqual([[12, 3]]);
      expect(leased(4, some(12)).map(([, devices]) => devices)).toEqual([1, 1, 1, 1]);
    });

    it("leaves devices to others of its kind, by what each takes", () => {
      const two = (gpus: number, seconds: number, more: number) =>
        leased(gpus, [
          ...some(16, { upToGpus: 100, seconds }),
          ...some(8, { batch: 99, upToGpus: 100, seconds: more }),
        ]);
      const [even, long] = [two(4, 10, 20), two(4, 100, 20)];
      expect(even).toEqual([
        [8, 2],
        [16, 2],
      ]);
      expect(long).toEqual([
        [16, 3],
        [8, 1],
      ]);
      // One after the other, each with both, would be no sooner; a much longer one is better off with both.
      expect(two(2, 10, 20).map(([, devices]) => devices)).toEqual([1, 1]);
      expect(two(2, 100, 1)).toEqual([
        [16, 2],
        [8, 2],
      ]);
    });

    it("has one device where as many others wait as there are devices", () => {
      const lone = some(6, { upToGpus: 100, batch: null, seconds: 10 });
      expect(leased(4, lone).map(([, devices]) => devices)).toEqual([1, 1, 1, 1, 1, 1]);
      expect(leased(4, lone.slice(2)).map(([, devices]) => devices)).toEqual([1, 1, 1, 1]);
      expect(leased(4, lone.slice(4)).map(([, devices]) => devices)).toEqual([2, 2]);
    });

    it("comes in jobs of no more than it says, each with all devices", () => {
      expect(leased(2, some(5, { upToGpus: 100, batch: 3 }))).toEqual([
        [3, 2],
        [2, 2],
      ]);
    });

    it("is shared out as others are over devices of several kinds", () => {
      const apart = { gpusAlike: false };
      expect(leased(2, some(16, { upToGpus: 100 }), apart)).toEqual([
        [8, 1],
        [8, 1],
      ]);
    });
  });

  it("is always spread evenly: no job has twice what another has, while devices are free", () => {
    const shapes = fc.record({
      gpus: fc.integer({ min: 1, max: 8 }),
      members: fc.nat({ max: 40 }),
    });
    fc.assert(
      fc.property(shapes, ({ gpus, members }) => {
        const found = sizes(1, gpus, ...some(members));
        expect(found.reduce((sum, size) => sum + size, 0)).toBe(members);
        expect(found).toHaveLength(Math.min(gpus, members));
        for (const size of found) expect(size).toBeLessThanOrEqual(Math.ceil(members / gpus));
      }),
    );
  });
});
