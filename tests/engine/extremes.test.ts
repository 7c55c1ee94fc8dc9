import { describe, expect, it } from "vitest";
import { runBuild, type BuildOutcome } from "../../src/execute/build.ts";
import { buildGraph } from "../../src/graph/build-graph.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { makePlan } from "../../src/plan/plan.ts";
import {
  action,
  graphOf,
  local,
  nodeOf,
  selectAll,
  selectPaths,
  type Sketch,
} from "./support/graphs.ts";
import { MemoryExecutor, memoryPorts, MemoryWorkspace } from "./support/memory.ts";
import { errorOf, only } from "./support/results.ts";

/** Shapes that a recursion, or a call with an argument for each element, would not survive. */
const numbers = (count: number): readonly number[] => [...Array(count).keys()];
const workspace = new MemoryWorkspace();

async function build(graph: Graph): Promise<BuildOutcome & { readonly ran: number }> {
  const executor = new MemoryExecutor(workspace, (_node, inputs) => ({
    out: `${Object.keys(inputs).length} ${Object.values(inputs)[0] ?? ""}`.slice(0, 20),
  }));
  const request = { targets: [], jobs: 4, gpus: [], keepGoing: false, expected: () => null };
  const { signal } = new AbortController();
  const outcome = await runBuild(
    { ...request, selection: selectAll(graph), signal },
    memoryPorts(workspace, executor),
    () => undefined,
  );
  return { ...outcome, ran: executor.executed.length };
}

/** Linking and planning at full size costs little; building does so with AQM_SOAK=1 only. */
const share = process.env["AQM_SOAK"] === undefined ? 0.1 : 1;

describe("a chain of 10,000 actions", () => {
  const link = (index: number): Sketch => ({
    makes: { out: local(`chain/${index}`) },
    from: [index === 0 ? "source" : `chain/${index - 1}`],
  });
  const chain = numbers(10_000).map(link);

  it("is linked and planned, whatever the order of its declarations", () => {
    workspace.files.set("source", "one");
    const graph = graphOf(...[...chain].reverse());
    expect(graph.actions.at(-1)?.id).toBe("chain/9999");
    expect(makePlan(selectPaths(graph, "chain/9999"), workspace).actions).toHaveLength(10_000);
  });

  it("is built, planned after an edit, and fresh again", async () => {
    const length = chain.length * share;
    const graph = graphOf(...chain.slice(0, length));
    expect(await build(graph)).toMatchObject({ exitCode: 0, ran: length });
    workspace.files.set("source", "two");
    const verdicts = makePlan(selectAll(graph), workspace).actions.map(({ verdict }) => verdict);
    expect(verdicts.filter((verdict) => verdict !== "unknown")).toEqual(["run"]);
    workspace.files.set("source", "one");
    expect(await build(graph)).toMatchObject({ exitCode: 0, ran: 0 });
  });

  it("that bites its own tail is a cycle, named from end to end", () => {
    const declarations = [...chain, { makes: "source", from: ["chain/9999"] }].map(action);
    const failure = only(errorOf(buildGraph({ actions: declarations, defaults: [] })));
    expect(failure.reason).toBe("cycle");
    expect(failure.message.split(" → ")).toHaveLength(10_002);
  });
});

describe("100,000", () => {
  it("inputs of one action, sources and made ones, are built and fresh again", async () => {
    const count = 100_000 * share;
    const sources = numbers(count).map((index) => `in/${index}`);
    for (const path of sources) workspace.files.set(path, "x");
    const made = numbers(100).map((index) => `made/${index}`);
    const makers = made.map((makes, index): Sketch => ({ makes, from: [`in/${index}`] }));
    const graph = graphOf(...makers, { makes: "all", from: [...sources, ...made] });
    expect(await build(graph)).toMatchObject({ exitCode: 0, ran: 101 });
    expect(workspace.files.get("all")).toMatch(new RegExp(`^${count + 100} `));
    expect(await build(graph)).toMatchObject({ exitCode: 0, ran: 0 });
    workspace.files.set(`in/${count - 1}`, "y");
    const judged = makePlan(selectAll(graph), workspace).byNode.get(nodeOf(graph, "all"));
    expect(judged?.causes).toMatchObject([{ kind: "changed", path: `in/${count - 1}` }]);
  });

  it("and more mistakes in the declarations are all told", () => {
    const declarations = numbers(130_000).map(() => action({ makes: "same" }));
    expect(errorOf(buildGraph({ actions: declarations, defaults: [] }))).toHaveLength(129_999);
  });
});
