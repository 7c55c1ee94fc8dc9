import { expect, it } from "vitest";
import { Soon } from "../../src/execute/soon.ts";
import type { ActionNode } from "../../src/graph/graph.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import type { Judgement } from "../../src/plan/judgement.ts";
import { graphOf, nodeOf } from "./support/graphs.ts";

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
