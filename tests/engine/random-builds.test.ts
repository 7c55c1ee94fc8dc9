import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runBuild, type BuildOutcome } from "../../src/build/build.ts";
import { buildGraph, type ActionNode, type Graph } from "../../src/graph/graph.ts";
import { select, type Selection } from "../../src/graph/select.ts";
import { actionKey, describeAction } from "../../src/keys/describe.ts";
import type { OutputDeclaration } from "../../src/model/declaration.ts";
import { digestOfBytes, type Digest } from "../../src/model/digest.ts";
import { EXIT } from "../../src/model/failure.ts";
import type { BuildEvent } from "../../src/model/event.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { makePlan } from "../../src/plan/plan.ts";
import { action, type Sketch } from "./support/graphs.ts";
import {
  MemoryExecutor,
  MemoryWorkspace,
  memoryPorts,
  settled,
  type MemoryOp,
} from "./support/memory.ts";
import { defined, valueOf } from "./support/results.ts";

/*
 * Random graphs, random histories of edits and builds, and a small pure model as the judge: `clean`
 * says what a build from nothing would give. Nothing here looks at how the engine decides.
 */

interface Shape {
  readonly outputs: readonly { readonly local: boolean; readonly tooBig: boolean }[];
  /** Which of the paths that exist so far it reads. */
  readonly reads: readonly number[];
  /** Its output depends on its inputs only modulo this: small numbers give early cutoffs. */
  readonly grain: number;
  readonly nonce: boolean;
  readonly gpu: boolean;
}

type Step =
  | { readonly do: "edit"; readonly source: number; readonly value: number }
  | { readonly do: "remove source"; readonly source: number }
  | { readonly do: "param"; readonly action: number; readonly value: number }
  | { readonly do: "op"; readonly action: number; readonly version: number }
  | { readonly do: "delete output" | "spoil output"; readonly output: number }
  | { readonly do: "forget history" | "empty store" }
  | { readonly do: "break"; readonly action: number; readonly broken: boolean }
  | {
      readonly do: "build";
      readonly targets: readonly number[];
      readonly jobs: number;
      readonly keepGoing: boolean;
    };

interface Timeline {
  readonly shapes: readonly Shape[];
  readonly steps: readonly Step[];
  readonly delays: readonly number[];
}

const SOURCES = ["s0", "s1", "s2"];

const shape = (nonce: boolean): fc.Arbitrary<Shape> =>
  fc.record({
    outputs: fc.array(fc.record({ local: fc.boolean(), tooBig: fc.boolean() }), {
      minLength: 1,
      maxLength: 2,
    }),
    reads: fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 3 }),
    grain: fc.constantFrom(1, 2, 1_000_003),
    nonce: nonce ? fc.boolean() : fc.constant(false),
    gpu: fc.boolean(),
  });

const small = fc.nat({ max: 20 });
const edits: readonly fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant("edit" as const), source: small, value: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant("param" as const), action: small, value: fc.nat({ max: 2 }) }),
  fc.record({ do: fc.constant("op" as const), action: small, version: fc.constantFrom(1, 2) }),
  fc.record({ do: fc.constant("delete output" as const), output: small }),
  fc.record({ do: fc.constant("spoil output" as const), output: small }),
  fc.record({ do: fc.constantFrom("forget history" as const, "empty store" as const) }),
];
const mishaps: readonly fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant("remove source" as const), source: small }),
  fc.record({ do: fc.constant("break" as const), action: small, broken: fc.boolean() }),
];
const builds: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("build" as const),
  targets: fc.array(small, { maxLength: 2 }),
  jobs: fc.integer({ min: 1, max: 3 }),
  keepGoing: fc.boolean(),
});

function timelines(options: { nonce?: boolean; mishaps?: boolean } = {}): fc.Arbitrary<Timeline> {
  const kinds = options.mishaps === true ? [...edits, ...mishaps] : edits;
  return fc.record({
    shapes: fc.array(shape(options.nonce === true), { minLength: 1, maxLength: 7 }),
    steps: fc.array(
      fc.oneof(...kinds.map((arbitrary) => ({ arbitrary, weight: 1 })), {
        arbitrary: builds,
        weight: 5,
      }),
      {
        minLength: 2,
        maxLength: 14,
      },
    ),
    delays: fc.array(fc.nat({ max: 12 }), { minLength: 3, maxLength: 12 }),
  });
}

interface Build {
  readonly graph: Graph;
  readonly selection: Selection;
  readonly outcome: BuildOutcome;
  readonly events: readonly BuildEvent[];
  readonly ran: readonly string[];
  readonly restored: readonly string[];
  readonly planned: ReadonlyMap<string, Verdict>;
  /** What the workspace held when the build began. */
  readonly before: MemoryWorkspace;
}

class World {
  workspace = new MemoryWorkspace();
  readonly #shapes: readonly Shape[];
  readonly #delays: readonly number[];
  readonly #params = new Map<number, number>();
  readonly #broken = new Set<number>();
  #nonce = 0;
  #delay = 0;

  constructor({ shapes, delays }: Timeline) {
    this.#shapes = shapes;
    this.#delays = delays;
    for (const source of SOURCES) this.workspace.files.set(source, "0");
    shapes.forEach(({ outputs }, index) =>
      outputs.forEach(({ tooBig }, n) => {
        if (tooBig) this.workspace.tooBig.add(`o${index}.${n}`);
      }),
    );
  }

  edit(step: Exclude<Step, { do: "build" }>): void {
    const { files, past, stored, versions } = this.workspace;
    const source = "source" in step ? defined(SOURCES[step.source % SOURCES.length]) : "";
    const index = "action" in step ? step.action % this.#shapes.length : 0;
    const outputs = this.#shapes.flatMap((s, i) => s.outputs.map((_, n) => `o${i}.${n}`));
    const output = "output" in step ? defined(outputs[step.output % outputs.length]) : "";
    switch (step.do) {
      case "edit":
        files.set(source, String(step.value));
        return;
      case "remove source":
        files.delete(source);
        return;
      case "param":
        this.#params.set(index, step.value);
        return;
      case "op":
        versions.set(`op${index}`, step.version);
        return;
      case "delete output":
        files.delete(output);
        return;
      case "spoil output":
        files.set(output, "spoiled");
        return;
      case "forget history":
        past.length = 0;
        return;
      case "empty store":
        stored.clear();
        return;
      case "break":
        if (step.broken) this.#broken.add(index);
        else this.#broken.delete(index);
        return;
    }
  }

  graph(): Graph {
    const paths = [...SOURCES];
    const sketches = this.#shapes.map(({ outputs, reads, gpu }, index): Sketch => {
      const from = [...new Set(reads.map((read) => defined(paths[read % paths.length])))];
      const makes: Record<string, OutputDeclaration> = {};
      outputs.forEach(({ local }, n) => {
        const path = `o${index}.${n}`;
        makes[`r${n}`] = { path, kind: "file", keep: local ? "local" : "committed" };
        paths.push(path);
      });
      const params = { value: this.#params.get(index) ?? 0 };
      return { makes, from, op: `op${index}`, params, gpu: gpu ? 1 : 0 };
    });
    return valueOf(buildGraph({ actions: sketches.map(action), defaults: [] }));
  }

  /** What an op writes for these inputs; the nonce makes some ops differ on every run. */
  #contents(node: ActionNode, inputs: Readonly<Record<string, string>>, nonce: string) {
    const index = this.#indexOf(node);
    const { grain } = defined(this.#shapes[index]);
    const text = JSON.stringify([node.declaration.params, this.workspace.opSource(node).version]);
    const read = node.inputs.map(({ role }) => inputs[role]).join();
    const number = Number.parseInt(digestOfBytes(`${text} ${read}`).slice(7, 17), 16) % grain;
    return Object.fromEntries(
      Object.keys(node.declaration.outputs).map((role) => [
        role,
        `${node.id} ${role}:${number}${nonce}`,
      ]),
    );
  }

  #indexOf = (node: ActionNode): number => Number(/^o(\d+)/.exec(node.id)?.[1]);

  /** What a build from nothing would give at each path; undefined behind a missing source. */
  clean(graph: Graph): ReadonlyMap<string, string> {
    const contents = new Map<string, string>();
    for (const source of SOURCES) {
      const content = this.workspace.files.get(source);
      if (content !== undefined) contents.set(source, content);
    }
    for (const node of graph.actions) {
      if (!node.inputs.every(({ path }) => contents.has(path))) continue;
      const inputs = Object.fromEntries(
        node.inputs.map(({ role, path }) => [role, defined(contents.get(path))]),
      );
      const made = this.#contents(node, inputs, "");
      for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
        contents.set(path, defined(made[role]));
      }
    }
    return contents;
  }

  async build(step: Extract<Step, { do: "build" }>): Promise<Build> {
    const graph = this.graph();
    const outputs = [...graph.byOutput.keys()];
    const targets = step.targets.map((n) => defined(outputs[n % outputs.length]));
    const selection = valueOf(select(graph, targets, () => () => false));
    const planned = new Map(
      makePlan(selection, this.workspace).actions.map(({ node, verdict }) => [node.id, verdict]),
    );
    const before = copy(this.workspace);
    const op: MemoryOp = (node, inputs) => {
      const index = this.#indexOf(node);
      if (this.#broken.has(index)) return "op_failed";
      const nonce = defined(this.#shapes[index]).nonce ? `#${this.#nonce++}` : "";
      return this.#contents(node, inputs, nonce);
    };
    const turns = (): number => defined(this.#delays[this.#delay++ % this.#delays.length]);
    const executor = new MemoryExecutor(this.workspace, op, turns);
    const events: BuildEvent[] = [];
    const outcome = await runBuild(
      {
        selection,
        targets,
        jobs: step.jobs,
        gpus: ["0"],
        keepGoing: step.keepGoing,
        expected: () => null,
        signal: new AbortController().signal,
      },
      memoryPorts(this.workspace, executor),
      (event) => events.push(event),
    );
    const ran = executor.executed;
    return {
      graph,
      selection,
      outcome,
      events,
      ran,
      restored: settled(events, "restored"),
      planned,
      before,
    };
  }
}

function copy(workspace: MemoryWorkspace): MemoryWorkspace {
  const twin = new MemoryWorkspace();
  for (const [path, content] of workspace.files) twin.files.set(path, content);
  for (const [id, record] of workspace.records) twin.records.set(id, record);
  for (const [digest, content] of workspace.stored) twin.stored.set(digest, content);
  for (const [op, version] of workspace.versions) twin.versions.set(op, version);
  twin.past.push(...workspace.past);
  return twin;
}

/** Plays a timeline and checks every build in it, then builds all once more. */
async function play(
  timeline: Timeline,
  check: (build: Build, world: World) => void,
  afterwards?: (again: Build) => void,
): Promise<void> {
  const world = new World(timeline);
  for (const step of timeline.steps) {
    if (step.do !== "build") {
      world.edit(step);
      continue;
    }
    check(await world.build(step), world);
    if (afterwards !== undefined) afterwards(await world.build(step));
  }
}

const every = (
  arbitrary: fc.Arbitrary<Timeline>,
  check: (build: Build, world: World) => void,
  afterwards?: (again: Build) => void,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(arbitrary, (timeline) => play(timeline, check, afterwards)),
    { numRuns: 800 },
  );

const ids = (nodes: Iterable<ActionNode>): string[] => [...nodes].map(({ id }) => id);

describe("random builds against a pure model", () => {
  it("are correct: every output that is there equals a clean build's, and what must be is (P1)", async () => {
    await every(timelines(), ({ graph, selection, outcome }, world) => {
      expect(outcome.exitCode).toBe(EXIT.done);
      const clean = world.clean(graph);
      for (const node of selection.needed) {
        for (const { path, keep } of Object.values(node.declaration.outputs)) {
          const found = world.workspace.files.get(path);
          const mayLack = keep === "local" && !selection.exact.has(path);
          if (found === undefined && mayLack) continue;
          expect(found, path).toBe(clean.get(path));
        }
      }
    });
  });

  it("are minimal: what runs has another key than before, or lost an output for good (P2)", async () => {
    await every(timelines(), ({ graph, ran, before, selection }, world) => {
      expect(new Set(ran).size, `ran twice: ${ran.join(" ")}`).toBe(ran.length);
      const clean = world.clean(graph);
      for (const id of ran) {
        const node = defined(graph.actions.find((candidate) => candidate.id === id));
        const digests: Record<string, Digest> = {};
        for (const { role, path } of node.inputs)
          digests[role] = digestOfBytes(defined(clean.get(path)));
        const key = actionKey(describeAction(node, digests, before.opSource(node), null));
        const known = before.record(node)?.key === key || before.trace(node, key) !== null;
        if (!known) continue;
        const lost = Object.values(node.declaration.outputs).filter(({ path, keep }) => {
          const content = defined(clean.get(path));
          const here = before.files.get(path);
          if (here === content || before.inStore(digestOfBytes(content))) return false;
          const needed =
            keep === "committed" ||
            here !== undefined ||
            selection.exact.has(path) ||
            node.consumers.some((consumer) => ran.includes(consumer.id));
          return needed;
        });
        expect(lost.length, `${id} ran for nothing`).toBeGreaterThan(0);
      }
    });
  });

  it("settle: the same build again runs and restores nothing (P2, P3)", async () => {
    await every(
      timelines({ nonce: true }),
      () => undefined,
      ({ ran, restored, planned }) => {
        expect([...ran, ...restored]).toEqual([]);
        expect(new Set(planned.values())).toEqual(new Set(["fresh"]));
      },
    );
  });

  it("cut off early: identical output of a rerun reaches nobody downstream (P3)", async () => {
    await every(timelines(), ({ graph, ran, before }, world) => {
      for (const node of graph.actions) {
        const record = before.record(node);
        const sameOp = record?.action.op.version === before.opSource(node).version;
        const sameParams =
          JSON.stringify(record?.action.params) === JSON.stringify(node.declaration.params);
        const sameInputs = node.inputs.every(
          ({ role, path }) =>
            record?.action.inputs[role] ===
            digestOfBytes(world.workspace.files.get(path) ?? "none"),
        );
        const whole = Object.entries(node.declaration.outputs).every(
          ([role, { path }]) =>
            record?.outputs[role]?.digest === digestOfBytes(before.files.get(path) ?? "none"),
        );
        if (sameOp && sameParams && sameInputs && whole) expect(ran).not.toContain(node.id);
      }
    });
  });

  it("do what the plan says, apart from what it calls unknown (P4)", async () => {
    await every(timelines(), ({ ran, restored, planned, selection }) => {
      for (const id of ids(selection.needed)) {
        const verdict = defined(planned.get(id));
        const did = ran.includes(id) ? "run" : restored.includes(id) ? "restore" : "fresh";
        if (verdict !== "unknown") expect(did, id).toBe(verdict);
      }
    });
  });

  it("name no cause in vain: whatever is not fresh has one (P5)", async () => {
    await every(timelines({ mishaps: true }), ({ events }) => {
      const planned = defined(events.find((event) => event.type === "planned"));
      for (const { target, verdict, causes } of planned.actions) {
        expect(causes.length > 0, target).toBe(verdict !== "fresh");
      }
      for (const event of events) {
        if (event.type === "action_started") expect(event.causes, event.target).not.toEqual([]);
      }
    });
  });

  it("never mix outputs of non-deterministic actions: a record names what was read (P8)", async () => {
    await every(timelines({ nonce: true }), ({ selection, outcome }, world) => {
      expect(outcome.exitCode).toBe(EXIT.done);
      const { records, files } = world.workspace;
      for (const node of selection.needed) {
        const record = defined(records.get(node.id));
        for (const { role, path, producer } of node.inputs) {
          const made =
            producer === null
              ? digestOfBytes(defined(files.get(path)))
              : records.get(producer.action.id)?.outputs[producer.role]?.digest;
          expect(record.action.inputs[role], `${node.id} reads ${path}`).toBe(made);
        }
        for (const { path, digest } of Object.values(record.outputs)) {
          const content = files.get(path);
          if (content !== undefined) expect(digestOfBytes(content), path).toBe(digest);
        }
      }
    });
  });

  it("tell failures apart: the exit code, and everything else is still built with keep-going", async () => {
    await every(timelines({ mishaps: true }), ({ outcome, events, selection }, world) => {
      const ended = events.flatMap((event): [string, "settled" | "failed" | "blocked"][] =>
        event.type === "action_settled"
          ? [[event.target, "settled"]]
          : event.type === "action_failed"
            ? [[event.target, "failed"]]
            : event.type === "action_blocked"
              ? [[event.target, "blocked"]]
              : [],
      );
      const last = new Map(ended);
      const bad = [...last].filter(([, end]) => end !== "settled");
      const allFresh = outcome.plan?.actions.every(({ verdict }) => verdict === "fresh") === true;
      if (allFresh) expect(outcome.exitCode).toBe(EXIT.done);
      else expect(outcome.exitCode).toBe(bad.length > 0 ? EXIT.actionFailed : EXIT.done);
      if (outcome.exitCode === EXIT.done) {
        for (const node of selection.needed) {
          expect(world.workspace.records.has(node.id), node.id).toBe(true);
        }
      }
    });
  });
});
