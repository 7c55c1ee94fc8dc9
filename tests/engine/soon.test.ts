import { expect, it } from "vitest";
import { Soon, whileRead } from "../../src/execute/soon.ts";
import type { ActionNode } from "../../src/graph/graph.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import type { Judgement } from "../../src/plan/judgement.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import type { Executor } from "../../src/ports.ts";
import { graphOf, nodeOf, selectAll } from "./support/graphs.ts";
import { MemoryWorkspace } from "./support/memory.ts";

/* Which actions on a GPU start as soon as what runs is done. */

const graph = graphOf(
  { makes: "data", python: "py" },
  { makes: "model", python: "py" },
  { makes: "subset", from: ["data"], cpu: 0 },
  { makes: "scores", python: "py", gpu: 1, from: ["subset", "model"] },
  { makes: "plan", from: ["scores"], cpu: 0 },
  { makes: "quality", python: "py", gpu: 1, from: ["plan", "model"] },
);

const node = (name: string): ActionNode => nodeOf(graph, name);
const JUDGEMENT: Judgement = {
  ...{ verdict: "run", causes: [], key: null, description: null, result: null },
  ...{ absent: new Set(), missingFrom: [] },
};

function build(
  verdicts: Readonly<Record<string, Verdict>> = {},
  hold?: (one: ActionNode) => boolean,
) {
  const settled = new Set<ActionNode>();
  const actions = graph.actions.map((one) => {
    const verdict = verdicts[one.id] ?? "run";
    if (verdict === "fresh") settled.add(one);
    return { ...JUDGEMENT, node: one, verdict };
  });
  const byNode = new Map(actions.map((action) => [action.node, action]));
  const soon = new Soon({ actions, byNode }, (one) => settled.has(one), hold);
  return {
    starts: (name: string): readonly string[] => {
      const members = [{ node: node(name), judgement: JUDGEMENT }];
      return soon.started({ members, lease: { cpu: 1, gpus: [] } }).map(({ id }) => id);
    },
    ends: (name: string) => {
      soon.ended(node(name));
      settled.add(node(name));
    },
  };
}

it("they are told once the last of their inputs is being made, with quick steps in between", () => {
  const { starts } = build();
  expect(starts("data")).toEqual([]); // the model waits for a slot
  expect(starts("model")).toEqual(["scores"]);
});

it("they are told once", () => {
  const { starts, ends } = build({ model: "fresh" });
  expect(starts("data")).toEqual(["scores"]);
  ends("data");
  expect(starts("subset")).toEqual([]);
});

it("they may follow a job on a GPU", () => {
  const { starts, ends } = build({ data: "fresh", model: "fresh", subset: "fresh" });
  expect(starts("scores")).toEqual(["quality"]);
  ends("scores");
});

it("those are not told that can start at once, are held, or perhaps need not run", () => {
  expect(build({ data: "fresh", model: "fresh", subset: "fresh" }).starts("data")).toEqual([]);
  expect(build({ model: "fresh", scores: "unknown" }).starts("data")).toEqual([]);
  expect(build({ model: "fresh" }, () => true).starts("data")).toEqual([]);
});

it("before there is a plan, those are told that were never made and of which a large input is read", () => {
  const read = (
    file: string,
    total: number,
    { recorded = false, held = false }: { recorded?: boolean; held?: boolean } = {},
  ): readonly string[] => {
    const told: string[] = [];
    const made = graphOf(
      { makes: "scores", python: "py", gpu: 1, from: { model: { path: "m/big", kind: "folder" } } },
      { makes: "sizes", python: "py", from: { model: { path: "m/big", kind: "folder" } } },
    );
    const executor: Pick<Executor, "execute" | "logPath" | "close" | "foresee"> = {
      execute: () => Promise.resolve(),
      logPath: () => null,
      close: () => Promise.resolve(),
      foresee: (nodes) => told.push(...nodes.map(({ id }) => id)),
    };
    const workspace = new MemoryWorkspace();
    if (recorded) workspace.record = () => ({}) as ActionRecord;
    const reading = whileRead(
      { selection: selectAll(made), ...(held ? { hold: () => true } : {}) },
      { workspace, executor },
      () => undefined,
      new AbortController().signal,
    );
    for (const done of [0, total]) reading({ type: "hashing", file, done, total });
    return told;
  };
  expect(read("m/big/model-00001.safetensors", 5e9)).toEqual(["scores"]);
  expect(read("m/big", 5e9)).toEqual(["scores"]);
  expect(read("m/bigger", 5e9)).toEqual([]);
  expect(read("m/big/config.json", 5e6)).toEqual([]);
  expect(read("m/big", 5e9, { recorded: true })).toEqual([]);
  expect(read("m/big", 5e9, { held: true })).toEqual([]);
});
