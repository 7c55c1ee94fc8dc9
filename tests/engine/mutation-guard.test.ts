import { describe, expect, it } from "vitest";
import { runBuild, type BuildOutcome } from "../../src/execute/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { graphOf, nodeOf, selectAll } from "./support/graphs.ts";
import { MemoryExecutor, MemoryWorkspace, memoryPorts, type MemoryOp } from "./support/memory.ts";
import { defined, only } from "./support/results.ts";

const graph: Graph = graphOf({ makes: "a", from: ["s", "t"] }, { makes: "b", from: ["a"] });

async function build(
  workspace: MemoryWorkspace,
  during: () => void,
): Promise<[BuildOutcome, string[]]> {
  const op: MemoryOp = (node, inputs) => {
    if (node.id === "a") during();
    return { out: JSON.stringify(inputs) };
  };
  const executor = new MemoryExecutor(workspace, op);
  const request = { targets: [], jobs: 1, gpus: [], keepGoing: false, expected: () => null };
  const outcome = await runBuild(
    { ...request, selection: selectAll(graph), signal: new AbortController().signal },
    memoryPorts(workspace, executor),
    () => undefined,
  );
  return [outcome, executor.executed];
}

/** Both sources there, nothing built. */
function workspace(): MemoryWorkspace {
  const made = new MemoryWorkspace();
  made.files.set("s", "1");
  made.files.set("t", "1");
  return made;
}

describe("an input that changes while an action runs (P12)", () => {
  it.each([
    ["is edited", (files: Map<string, string>) => void files.set("t", "2")],
    ["is removed", (files: Map<string, string>) => void files.delete("t")],
  ])("%s: nothing is recorded or published, and the failure names it", async (_, change) => {
    const world = workspace();
    const [outcome, executed] = await build(world, () => change(world.files));
    expect(outcome.exitCode).toBe(1);
    expect(only(outcome.failures)).toMatchObject({
      reason: "input_changed",
      target: "a",
      place: { file: "t" },
    });
    expect(executed).toEqual(["a"]);
    expect(world.records.size).toBe(0);
    expect(world.files.has("a")).toBe(false);
  });

  it("keeps the artifact and the record that were there", async () => {
    const world = workspace();
    await build(world, () => undefined);
    const before = world.files.get("a");
    world.files.set("s", "2");
    await build(world, () => world.files.set("s", "3"));
    expect(world.files.get("a")).toBe(before);
    expect(defined(world.record(nodeOf(graph, "a"))).action.inputs["s"]).toBe(digestOfBytes("1"));
  });

  it("is built from what it is now by the next build", async () => {
    const world = workspace();
    await build(world, () => world.files.set("t", "2"));
    const [outcome, executed] = await build(world, () => undefined);
    expect(outcome.exitCode).toBe(0);
    expect(executed).toEqual(["a", "b"]);
    expect(world.files.get("a")).toBe('{"s":"1","t":"2"}');
  });
});
