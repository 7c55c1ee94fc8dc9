import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { runBuild } from "../../src/execute/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { Selection } from "../../src/graph/select.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import type { Cause, Verdict } from "../../src/model/verdict.ts";
import { makePlan, type PlannedAction } from "../../src/plan/plan.ts";
import { runs } from "../rig/wide.ts";
import {
  committed,
  graphOf,
  local,
  nodeOf,
  selectAll,
  selectPaths,
  type Sketch,
} from "./support/graphs.ts";
import { MemoryExecutor, MemoryWorkspace, memoryPorts } from "./support/memory.ts";
import { defined } from "./support/results.ts";

let workspace: MemoryWorkspace;

beforeEach(() => {
  workspace = new MemoryWorkspace();
  workspace.files.set("s", "source");
});

/** Every output says which inputs it was made from. */
async function build(graph: Graph, selection: Selection = selectAll(graph)): Promise<void> {
  const executor = new MemoryExecutor(workspace, (node, inputs) =>
    Object.fromEntries(
      Object.keys(node.declaration.outputs).map((role) => [
        role,
        `${node.id} ${role} ${JSON.stringify([node.declaration.params, inputs])}`,
      ]),
    ),
  );
  const request = { targets: [], jobs: 2, gpus: ["0"], keepGoing: false, expected: () => null };
  const outcome = await runBuild(
    { ...request, selection, signal: new AbortController().signal },
    memoryPorts(workspace, executor),
    () => undefined,
  );
  expect(outcome.exitCode).toBe(0);
}

function planOf(graph: Graph, ...targets: readonly string[]) {
  const selection = targets.length > 0 ? selectPaths(graph, ...targets) : selectAll(graph);
  const plan = makePlan(selection, workspace);
  const of = (path: string): PlannedAction => defined(plan.byNode.get(nodeOf(graph, path)));
  return {
    plan,
    verdict: (path: string): Verdict => of(path).verdict,
    causes: (path: string): readonly Cause[] => of(path).causes,
  };
}

/** source → a → b → c */
const chain = (params: Readonly<Record<string, number>> = {}): Graph =>
  graphOf(
    { makes: "a", from: ["s"], params: { size: params["a"] ?? 1 } },
    { makes: "b", from: ["a"], params: { size: params["b"] ?? 1 } },
    { makes: "c", from: ["b"], params: { size: params["c"] ?? 1 } },
  );

describe("a chain", () => {
  it("that was never built runs from end to end", () => {
    const plan = planOf(chain());
    for (const path of ["a", "b", "c"]) {
      expect(plan.verdict(path)).toBe("run");
      expect(plan.causes(path)).toEqual([{ kind: "never_built" }]);
    }
  });

  it("that was built is fresh", async () => {
    await build(chain());
    const { plan } = planOf(chain());
    expect(plan.actions.map(({ verdict }) => verdict)).toEqual(["fresh", "fresh", "fresh"]);
  });

  it("is stale from a changed param on, and unknown beyond", async () => {
    await build(chain());
    const plan = planOf(chain({ a: 2 }));
    expect(plan.verdict("a")).toBe("run");
    expect(plan.causes("a")).toEqual([{ kind: "changed", field: "params.size", old: 1, new: 2 }]);
    expect(plan.verdict("b")).toBe("unknown");
    expect(plan.causes("b")).toEqual([{ kind: "waits_for", producer: "a" }]);
    expect(plan.causes("c")).toEqual([{ kind: "waits_for", producer: "b" }]);
  });

  it("says which input changed, with its path and both digests", async () => {
    await build(chain());
    workspace.files.set("s", "other");
    expect(planOf(chain()).causes("a")).toEqual([
      {
        kind: "changed",
        field: "inputs.s",
        path: "s",
        old: digestOfBytes("source"),
        new: digestOfBytes("other"),
      },
    ]);
  });

  it("says which source of the op changed, and its version", async () => {
    await build(chain());
    workspace.versions.set("ops/copy.ts", 2);
    const causes = planOf(chain()).causes("a");
    expect(causes).toMatchObject([
      { field: "op.version", old: 1, new: 2 },
      { field: 'op.sources["ops/copy.ts"]', path: "ops/copy.ts" },
    ]);
  });

  it("goes back to an older result without running, when that is still known", async () => {
    await build(chain());
    await build(chain({ b: 2 }));
    const plan = planOf(chain({ b: 1 }));
    expect(plan.verdict("b")).toBe("restore");
    // Not "changed by hand": what is there is what the last build made.
    expect(plan.causes("b")).toMatchObject([{ field: "params.size", old: 2, new: 1 }]);
    expect(plan.verdict("c")).toBe("restore"); // its input is known again, so it is known too
  });
});

describe("the environment of a Python op", () => {
  it("is in the key by its lock file", async () => {
    const graph = graphOf({ makes: "a", from: ["s"], python: "cuda" });
    await build(graph);
    const before = workspace.lock;
    workspace.lock = digestOfBytes("another lock file");
    expect(planOf(graph).causes("a")).toEqual([
      { kind: "changed", field: "environment.lock", old: before, new: workspace.lock },
    ]);
  });
});

describe("outputs", () => {
  it("that were changed by hand are restored, or made anew when the store lacks them", async () => {
    const graph = chain();
    await build(graph);
    const recorded = digestOfBytes(defined(workspace.files.get("a")));
    workspace.files.set("a", "edited");
    const cause = { kind: "output_modified", path: "a", recorded, found: digestOfBytes("edited") };
    expect(planOf(graph).verdict("a")).toBe("restore");
    expect(planOf(graph).causes("a")).toEqual([cause]);
    expect(planOf(graph).verdict("b")).toBe("fresh");
    workspace.stored.clear();
    expect(planOf(graph).verdict("a")).toBe("run");
    expect(planOf(graph).causes("a")).toEqual([cause]);
    expect(planOf(graph).verdict("b")).toBe("unknown");
  });

  it("that are committed must be there", async () => {
    const graph = chain();
    await build(graph);
    workspace.files.delete("c");
    expect(planOf(graph).causes("c")).toEqual([{ kind: "output_missing", path: "c" }]);
    expect(planOf(graph).verdict("c")).toBe("restore");
  });
});

describe("local outputs that are absent", () => {
  const graphWith = (params: { b?: number; c?: number } = {}): Graph =>
    graphOf(
      { makes: { out: local("big") }, from: ["s"] },
      { makes: "b", from: ["big"], params: { size: params.b ?? 1 } },
      { makes: "c", from: ["big"], params: { size: params.c ?? 1 } },
    );

  it("make nothing stale", async () => {
    await build(graphWith());
    workspace.files.delete("big");
    workspace.stored.clear();
    const { plan } = planOf(graphWith());
    expect(plan.actions.map(({ verdict }) => verdict)).toEqual(["fresh", "fresh", "fresh"]);
  });

  it("come back from the store for a consumer that runs", async () => {
    await build(graphWith());
    workspace.files.delete("big");
    const plan = planOf(graphWith({ b: 2 }));
    expect(plan.verdict("big")).toBe("restore");
    expect(plan.causes("big")).toEqual([
      { kind: "output_missing", path: "big" },
      { kind: "needed_by", consumer: "b" },
    ]);
    expect(plan.verdict("c")).toBe("fresh");
  });

  it("are made anew when the store lacks them, and other consumers wait for what comes out", async () => {
    await build(graphWith());
    workspace.files.delete("big");
    workspace.stored.clear();
    const plan = planOf(graphWith({ b: 2 }));
    expect(plan.verdict("big")).toBe("run");
    expect(plan.causes("big")).toContainEqual({ kind: "needed_by", consumer: "b" });
    expect(plan.verdict("c")).toBe("unknown");
  });

  it("must be there when they are named exactly", async () => {
    await build(graphWith());
    workspace.files.delete("big");
    expect(planOf(graphWith(), "big").verdict("big")).toBe("restore");
    expect(planOf(graphWith(), "b").verdict("big")).toBe("fresh");
  });

  it("stay absent when the rest of the action is restored, so a consumer still asks for them", async () => {
    const graph = (size: number): Graph =>
      graphOf(
        { makes: { one: committed("small"), two: local("big") }, from: ["s"] },
        { makes: "b", from: ["big"], params: { size } },
      );
    workspace.tooBig.add("big");
    await build(graph(1));
    workspace.files.delete("big");
    workspace.files.delete("small");
    expect(planOf(graph(1)).verdict("small")).toBe("restore");
    expect(planOf(graph(1)).verdict("b")).toBe("fresh");
    expect(planOf(graph(2)).verdict("small")).toBe("run");
    await build(graph(2));
    expect(workspace.files.get("big")).toBeDefined();
  });

  it("may be needed: then the plan says unknown, not fresh", async () => {
    const graph = (size: number): Graph =>
      graphOf(
        { makes: { out: local("big") }, from: ["s"] },
        { makes: "first", from: ["s"], params: { size } },
        { makes: "b", from: ["first", "big"] },
      );
    await build(graph(1));
    workspace.files.delete("big");
    const plan = planOf(graph(2));
    expect(plan.verdict("b")).toBe("unknown");
    expect(plan.verdict("big")).toBe("unknown");
    expect(plan.causes("big")).toEqual([{ kind: "waits_for", producer: "b" }]);
  });
});

describe("sources that are missing", () => {
  const graph = (size = 1): Graph =>
    graphOf(
      {
        makes: "a",
        from: { data: { path: "s", kind: "file", obtain: "download it" } },
        params: { size },
      },
      { makes: "b", from: ["a"] },
    );

  it("do not matter to a clone whose records know them", async () => {
    await build(graph());
    workspace.files.delete("s");
    expect(planOf(graph()).plan.actions.map(({ verdict }) => verdict)).toEqual(["fresh", "fresh"]);
  });

  it("block an action that must run, say how to get them, and block what follows", async () => {
    await build(graph());
    workspace.files.delete("s");
    const plan = planOf(graph(2));
    expect(plan.verdict("a")).toBe("blocked");
    expect(plan.causes("a")).toEqual([
      { kind: "changed", field: "params.size", old: 1, new: 2 },
      { kind: "input_missing", path: "s", obtain: "download it" },
    ]);
    expect(plan.verdict("b")).toBe("blocked");
    expect(plan.causes("b")).toEqual([{ kind: "blocked_by", producer: "a" }]);
  });

  it("block an action that was never built", () => {
    workspace.files.delete("s");
    expect(planOf(graph()).causes("a")).toEqual([
      { kind: "input_missing", path: "s", obtain: "download it" },
    ]);
  });

  it("are not taken over from a record that read another path", async () => {
    await build(graph());
    const moved = graphOf({
      makes: "a",
      from: { data: { path: "elsewhere", kind: "file" } },
      params: { size: 1 },
    });
    expect(planOf(moved).causes("a")).toEqual([{ kind: "input_missing", path: "elsewhere" }]);
    workspace.files.set("elsewhere", "source"); // the same bytes in another place are the same input
    expect(planOf(moved).verdict("a")).toBe("restore"); // nothing runs; the record learns the path
  });

  it("are not the same as unreadable ones", () => {
    workspace.unreadable.set("s", "permission denied");
    expect(planOf(graph()).causes("a")).toEqual([
      { kind: "input_unreadable", path: "s", error: "permission denied" },
    ]);
  });
});

describe("an action that this machine cannot run", () => {
  it("is blocked when it is stale, and fresh when it is not", async () => {
    const graph = graphOf({ makes: "a", from: ["s"], gpu: 1 });
    const trouble = { why: "it needs a GPU", nextStep: "use another machine" };
    workspace.unsupportedNodes.set("a", trouble);
    expect(planOf(graph).verdict("a")).toBe("blocked");
    expect(planOf(graph).causes("a")).toContainEqual({ kind: "unsupported_here", ...trouble });
    workspace.unsupportedNodes.clear();
    await build(graph);
    workspace.unsupportedNodes.set("a", trouble);
    expect(planOf(graph).verdict("a")).toBe("fresh");
  });
});

describe("causes (P5)", () => {
  const action = fc.record({
    reads: fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 3 }),
    keep: fc.constantFrom("committed" as const, "local" as const),
    gpu: fc.constantFrom(0, 1),
  });
  const trouble = fc.array(
    fc.record({
      what: fc.constantFrom("param", "delete", "spoil", "unsupported", "source", "unreadable"),
      at: fc.nat({ max: 9 }),
    }),
    { maxLength: 6 },
  );

  it("are there for everything that is not fresh; undoing the trouble makes all fresh again", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 1, maxLength: 8 }),
        trouble,
        fc.boolean(),
        async (actions, troubles, emptyStore) => {
          workspace = new MemoryWorkspace();
          workspace.files.set("s", "source");
          const graph = (changed: ReadonlySet<number>): Graph =>
            graphOf(
              ...actions.map(({ reads, keep, gpu }, index): Sketch => {
                const from = reads.map((n) =>
                  n % (index + 1) === index ? "s" : `f${n % (index + 1)}`,
                );
                const params = { size: changed.has(index) ? 2 : 1 };
                const makes = { out: { path: `f${index}`, kind: "file" as const, keep } };
                return { makes, from: [...new Set(from)], params, gpu };
              }),
            );
          await build(graph(new Set()));
          const files = new Map(workspace.files);
          const changed = new Set<number>();
          for (const { what, at } of troubles) {
            const path = `f${at % actions.length}`;
            if (what === "param") changed.add(at % actions.length);
            if (what === "delete") workspace.files.delete(path);
            if (what === "spoil") workspace.files.set(path, "spoiled");
            if (what === "source") workspace.files.set("s", "other");
            if (what === "unreadable") workspace.unreadable.set("s", "denied");
            if (what === "unsupported") {
              workspace.unsupportedNodes.set(path, { why: "no", nextStep: "none" });
            }
          }
          const stored = new Map(workspace.stored);
          if (emptyStore) workspace.stored.clear();
          const { plan } = planOf(graph(changed));
          for (const { node, verdict, causes } of plan.actions) {
            expect(causes.length > 0, `${node.id} is ${verdict}`).toBe(verdict !== "fresh");
          }
          for (const [path, content] of files) workspace.files.set(path, content);
          for (const [digest, content] of stored) workspace.stored.set(digest, content);
          workspace.unreadable.clear();
          const undone = planOf(graph(new Set())).plan;
          expect(undone.actions.filter(({ verdict }) => verdict !== "fresh")).toEqual([]);
        },
      ),
      { numRuns: runs(300) },
    );
  });
});
