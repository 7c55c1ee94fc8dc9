import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runBuild } from "../../src/execute/build.ts";
import type { ActionNode, Graph } from "../../src/graph/graph.ts";
import type { InputDeclaration } from "../../src/model/declaration.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { provenanceText } from "../../src/model/provenance.ts";
import { recordPath, type ActionRecord } from "../../src/model/record.ts";
import { ok } from "../../src/model/result.ts";
import { inputStates, type Maker } from "../../src/plan/inputs.ts";
import type { InputState } from "../../src/plan/judgement.ts";
import { makePlan, type Plan } from "../../src/plan/plan.ts";
import { oneByOne, type Executor } from "../../src/ports.ts";
import { contentAt } from "./support/content.ts";
import { committed, graphOf, local, nodeOf, selectAll, type Sketch } from "./support/graphs.ts";
import { MemoryWorkspace, memoryPorts } from "./support/memory.ts";
import { defined } from "./support/results.ts";

const optional = (path: string): InputDeclaration => ({ path, kind: "file", optional: true });
const recordOf = (target: string): InputDeclaration => ({
  path: recordPath(target),
  kind: "record",
  recordOf: target,
  optional: true,
});

/** Writes from what it was made; says which key each action ran with. */
class SayingExecutor implements Executor {
  readonly keys = new Map<string, string>();
  readonly #workspace: MemoryWorkspace;

  constructor(workspace: MemoryWorkspace) {
    this.#workspace = workspace;
  }

  readonly execute = oneByOne(({ node, key, stage }) => {
    this.keys.set(node.id, key);
    const { files, records } = this.#workspace;
    const read = node.inputs.map((input) => contentAt(files, input, records));
    const content = `${node.id} ${JSON.stringify([node.declaration.params, read])}`;
    for (const role of Object.keys(node.declaration.outputs))
      this.#workspace.writeStaged(stage, role, `${role} ${content}`);
    const cost = { seconds: 1, gpu_seconds: 0, ...NO_MEMORY };
    return Promise.resolve(ok({ cost, tools: {}, facts: {} }));
  });

  readonly logPath = (): null => null;
  readonly close = (): Promise<void> => Promise.resolve();
}

const NO_MEMORY = { peak_memory_bytes: null, peak_gpu_memory_bytes: null };

/** The keys that the build's own judgements gave to what ran. */
async function build(
  graph: Graph,
  workspace: MemoryWorkspace,
): Promise<ReadonlyMap<string, string>> {
  const executor = new SayingExecutor(workspace);
  await runBuild(
    {
      targets: [],
      jobs: 2,
      gpus: ["0"],
      keepGoing: true,
      expected: () => null,
      selection: selectAll(graph),
      signal: new AbortController().signal,
    },
    memoryPorts(workspace, executor),
    () => undefined,
  );
  return executor.keys;
}

const suppose = (node: ActionNode, { byNode }: Plan, workspace: MemoryWorkspace) =>
  inputStates(node, (maker) => byNode.get(maker) ?? null, workspace);

const recordOfMade: ActionRecord = {
  schema: 1,
  target: "made",
  key: digestOfBytes("key"),
  action: {
    epoch: 1,
    op: { runtime: "typescript", name: "ops/copy.ts", version: 1, code: null, sources: {} },
    environment: null,
    params: {},
    inputs: {},
    outputs: {},
  },
  input_paths: {},
  outputs: { out: { path: "made", digest: digestOfBytes("made"), size: 4 } },
  cost: { seconds: 1, gpu_seconds: 0, ...NO_MEMORY },
  tools: {},
  facts: {},
  audit: [],
};

describe("what is known of an input", () => {
  const workspace = new MemoryWorkspace();
  workspace.files.set("here", "text").set("odd", "").set("made", "of earlier");
  workspace.unreadable.set("odd", "denied");
  const graph = graphOf(
    { makes: "made", from: ["here"] },
    {
      makes: "reader",
      from: {
        here: { path: "here", kind: "file" },
        gone: { path: "gone", kind: "file", obtain: "ask" },
        odd: { path: "odd", kind: "file" },
        perhaps: optional("gone"),
        made: { path: "made", kind: "file" },
        made_perhaps: optional("made"),
        record: recordOf("made"),
      },
    },
  );
  const reader = nodeOf(graph, "reader");
  const state = (role: string, maker: Maker | null): InputState =>
    defined(inputStates(reader, () => maker, workspace).get(role));
  const text = (content: string): InputState => ({
    state: "known",
    digest: digestOfBytes(content),
    present: true,
  });
  const result: Maker = { verdict: "fresh", absent: new Set(), result: recordOfMade };
  const pending: Maker = { verdict: "run", result: null, absent: new Set() };
  const lost: Maker = { ...pending, verdict: "blocked" };

  it("that is not as expected: it blocks, once the content that is meant is there", () => {
    const wary = nodeOf(
      graphOf(
        { makes: "made", from: ["here"] },
        {
          makes: "wary",
          from: { made: { path: "made", kind: "file", expect: [] } },
        },
      ),
      "wary",
    );
    const looked = (content: string): InputState | undefined => {
      const digest = digestOfBytes(content);
      const odd = { state: "unfit", digest, path: "made/a", problem: "is odd", nextStep: "do" };
      const knowing = Object.assign(Object.create(workspace) as MemoryWorkspace, {
        observeInput: () => odd,
      });
      return inputStates(wary, () => result, knowing).get("made");
    };
    expect(looked("made")).toEqual({
      state: "blocked",
      cause: { kind: "input_unfit", path: "made/a", problem: "is odd", nextStep: "do" },
    });
    expect(looked("of earlier")).toEqual(text("made"));
  });

  it("of a source: what lies there, or why it blocks", () => {
    expect(state("here", null)).toEqual(text("text"));
    const gone = { kind: "input_missing", path: "gone", obtain: "ask" };
    expect(state("gone", null)).toEqual({ state: "blocked", cause: gone });
    expect(state("odd", null)).toMatchObject({ cause: { kind: "input_unreadable" } });
    expect(state("perhaps", null)).toEqual({ state: "known", digest: "absent", present: true });
  });

  it("of what another action makes: its digest, once there is a result", () => {
    expect(state("made", result)).toEqual(text("made"));
    expect(state("made", pending)).toEqual({ state: "pending", producer: "made" });
    const absent = { ...result, absent: new Set(["made"]) };
    expect(state("made", absent)).toEqual({ ...text("made"), present: false });
    expect(state("record", result)).toEqual(text(provenanceText(recordOfMade)));
  });

  it("of what nothing makes now: blocked, unless it is taken only if it is there", () => {
    const blocked = (kind: string) => ({ state: "blocked", cause: { kind, producer: "made" } });
    expect(state("made", lost)).toEqual(blocked("blocked_by"));
    expect(state("made", null)).toEqual(blocked("waits_for"));
    for (const maker of [lost, null]) {
      expect(state("made_perhaps", maker)).toEqual(text("of earlier"));
      expect(state("record", maker)).toMatchObject({ state: "known", digest: "absent" });
    }
    expect(state("made_perhaps", pending)).toEqual({ state: "pending", producer: "made" });
  });
});

interface Drawn {
  readonly inputs: readonly { readonly from: number; readonly how: string }[];
  readonly keep: "committed" | "local";
}

describe("what a plan supposes of inputs (P4)", () => {
  const input = fc.record({
    from: fc.nat({ max: 9 }),
    how: fc.constantFrom("plain", "plain", "optional", "record"),
  });
  const action: fc.Arbitrary<Drawn> = fc.record({
    inputs: fc.array(input, { minLength: 1, maxLength: 3 }),
    keep: fc.constantFrom("committed" as const, "local" as const),
  });
  const trouble = fc.record({
    what: fc.constantFrom("param", "delete", "spoil", "source", "no source", "unreadable", "store"),
    at: fc.nat({ max: 9 }),
  });

  /** Action n makes `f<n>`, and reads what earlier ones make, or the sources `s` and `t`. */
  function drawn(actions: readonly Drawn[], changed: ReadonlySet<number>): Graph {
    const sketches = actions.map(({ inputs, keep }, n): Sketch => {
      const from: Record<string, InputDeclaration> = {};
      for (const { from: drawnFrom, how } of inputs) {
        const m = drawnFrom % (n + 1);
        const source = drawnFrom % 2 === 0 ? "s" : "t";
        if (m === n) from[source] = { path: source, kind: "file", obtain: "ask" };
        else if (how === "record") from[`record${m}`] = recordOf(`f${m}`);
        else if (how === "optional" && actions[m]?.keep === "committed")
          from[`f${m}`] = optional(`f${m}`);
        else from[`f${m}`] ??= { path: `f${m}`, kind: "file" };
      }
      const out = keep === "local" ? local(`f${n}`) : committed(`f${n}`);
      return { makes: { out }, from, params: { size: changed.has(n) ? 2 : 1 } };
    });
    return graphOf(...sketches);
  }

  it("is what the build's judge finds once everything is known", async () => {
    let known = 0;
    let pending = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 1, maxLength: 8 }),
        fc.array(trouble, { maxLength: 6 }),
        fc.boolean(),
        async (actions, troubles, builtBefore) => {
          const workspace = new MemoryWorkspace();
          workspace.files.set("s", "source").set("t", "another source");
          if (builtBefore) await build(drawn(actions, new Set()), workspace);
          const changed = new Set<number>();
          for (const { what, at } of troubles) {
            const path = `f${at % actions.length}`;
            const source = at % 2 === 0 ? "s" : "t";
            if (what === "param") changed.add(at % actions.length);
            if (what === "delete") workspace.files.delete(path);
            if (what === "spoil") workspace.files.set(path, "spoiled");
            if (what === "source") workspace.files.set(source, "other");
            if (what === "no source") workspace.files.delete(source);
            if (what === "unreadable") workspace.unreadable.set(source, "denied");
            if (what === "store") workspace.stored.clear();
          }
          const graph = drawn(actions, changed);
          const plan = makePlan(selectAll(graph), workspace);
          const supposed = plan.actions.map((planned) => ({
            planned,
            states: suppose(planned.node, plan, workspace),
          }));

          const ran = await build(graph, workspace);
          const after = makePlan(selectAll(graph), workspace);

          for (const { planned, states } of supposed) {
            const { node, key, verdict } = planned;
            if (ran.has(node.id) && key !== null) expect(ran.get(node.id)).toBe(key);
            if (verdict === "blocked") expect(ran.has(node.id), node.id).toBe(false);
            const settled = defined(after.byNode.get(node)).verdict === "fresh";
            const sure = [...states.values()].every(({ state }) => state === "known");
            if (sure && verdict !== "blocked") expect(settled, node.id).toBe(true);
            if (!settled) continue;
            // What the build's judge put into the key is in the record.
            const judged = defined(workspace.record(node)).action.inputs;
            for (const [role, state] of states) {
              if (state.state === "pending") pending += 1;
              if (state.state !== "known") continue;
              known += 1;
              expect(judged[role], `${role} of ${node.id}`).toBe(state.digest);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
    expect(known).toBeGreaterThan(300);
    expect(pending).toBeGreaterThan(100);
  });
});
