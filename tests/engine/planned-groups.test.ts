import { describe, expect, it } from "vitest";
import { makePlan } from "../../src/plan/plan.ts";
import { plannedGroups } from "../../src/ui/planned-groups.ts";
import { graphOf, selectAll, type Sketch } from "./support/graphs.ts";
import { MemoryWorkspace } from "./support/memory.ts";

/** So many targets made from one source, and one made from the first of them. */
function planOf(count: number) {
  const workspace = new MemoryWorkspace();
  workspace.files.set("s", "source");
  const each = Array.from({ length: count }, (_, n): Sketch => ({
    makes: `each/${n}`,
    from: ["s"],
  }));
  const graph = graphOf(...each, { makes: "last", from: ["each/0"], op: "ops/last.ts" });
  return makePlan(selectAll(graph), workspace).actions;
}

describe("what a plan lists", () => {
  it("is each action, where a person can read all of them", () => {
    const groups = plannedGroups(planOf(10));
    expect(groups).toHaveLength(11);
    expect(new Set(groups.map(({ count }) => count))).toEqual(new Set([1]));
  });

  it("is counted by op, verdict and kind of cause where it is long, and no action is lost", () => {
    const actions = planOf(500);
    const groups = plannedGroups(actions);
    expect(groups.map(({ count }) => count)).toEqual([500, 1]);
    expect(groups.map(({ first }) => first.node.id)).toEqual(["each/0", "last"]);
    expect(groups[0]?.alike).toBe(true);
  });

  it("says where the causes of a group are not those of its first action", () => {
    const actions = planOf(30).filter(({ node }) => node.id !== "last");
    const [first, ...others] = actions;
    if (first === undefined) throw new Error("there are some");
    const changed = { ...first, causes: [{ kind: "output_missing", path: "each/0" } as const] };
    const missing = others.map((one) => ({
      ...one,
      causes: [{ kind: "output_missing", path: one.node.id } as const],
    }));
    const [group] = plannedGroups([changed, ...missing]);
    expect(group).toMatchObject({ count: 30, alike: false });
  });
});
