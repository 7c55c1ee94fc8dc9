import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../src/graph/build-graph.ts";
import type { Failure } from "../../src/model/failure.ts";
import { action, committed, graphOf, local, nodeOf, type Sketch } from "./support/graphs.ts";
import { errorOf, only } from "./support/results.ts";

const mistakes = (...sketches: readonly Sketch[]): readonly Failure[] =>
  errorOf(buildGraph({ actions: sketches.map(action), defaults: [] }));

describe("linking", () => {
  it("joins an input to the action that makes it, and leaves sources alone", () => {
    const graph = graphOf(
      { makes: "b", from: ["a", "s"] },
      { makes: { one: committed("a"), two: local("a2") }, from: ["s"] },
    );
    const b = nodeOf(graph, "b");
    const a = nodeOf(graph, "a2");
    expect(a.id).toBe("a");
    expect(
      b.inputs.map(({ role, producer }) => [role, producer?.action.id, producer?.role]),
    ).toEqual([
      ["a", "a", "one"],
      ["s", undefined, undefined],
    ]);
    expect(a.consumers).toEqual([b]);
    expect(b.consumers).toEqual([]);
  });

  it("counts a consumer of two outputs once", () => {
    const graph = graphOf(
      { makes: { one: committed("a"), two: committed("a2") } },
      { makes: "b", from: ["a", "a2"] },
    );
    expect(nodeOf(graph, "a").consumers).toEqual([nodeOf(graph, "b")]);
  });
});

describe("the order", () => {
  it("has producers before consumers, and is a numbering of all actions", () => {
    const dag = fc
      .array(fc.array(fc.nat({ max: 30 }), { maxLength: 3 }), { minLength: 1, maxLength: 20 })
      .chain((reads) =>
        fc
          .shuffledSubarray(
            reads.map((_, i) => i),
            { minLength: reads.length },
          )
          .map((order) => ({ reads, order })),
      );
    fc.assert(
      fc.property(dag, ({ reads, order }) => {
        const sketches = reads.map((from, i): Sketch => {
          const earlier = i === 0 ? [] : [...new Set(from.map((n) => `f${n % i}`))];
          return { makes: `f${i}`, from: earlier };
        });
        const shuffled = order.flatMap((i) => sketches[i] ?? []);
        const graph = graphOf(...shuffled);
        expect(graph.actions.map(({ index }) => index)).toEqual(shuffled.map((_, i) => i));
        for (const node of graph.actions) {
          for (const { producer } of node.inputs) {
            if (producer !== null) expect(producer.action.index).toBeLessThan(node.index);
          }
        }
        const again = graphOf(...shuffled);
        expect(again.actions.map(({ id }) => id)).toEqual(graph.actions.map(({ id }) => id));
      }),
    );
  });

  it("keeps the declaration order where nothing else decides", () => {
    const graph = graphOf({ makes: "z" }, { makes: "y" }, { makes: "a" });
    expect(graph.actions.map(({ id }) => id)).toEqual(["z", "y", "a"]);
  });
});

describe("mistakes", () => {
  it("two actions that make one path: both places are named", () => {
    const failure = only(mistakes({ makes: "a", line: 3 }, { makes: "a", line: 9 }));
    expect(failure).toMatchObject({
      reason: "duplicate_output",
      target: "a",
      place: { file: "Aqmfile.ts", line: 9 },
      message: "Two actions make a",
    });
    expect(failure.cause).toContain("Aqmfile.ts:3");
  });

  it("two roles of one action that share a path", () => {
    const makes = { one: committed("a"), two: committed("a") };
    expect(only(mistakes({ makes })).reason).toBe("duplicate_output");
  });

  it("a cycle: the way round is shown", () => {
    const failure = only(
      mistakes(
        { makes: "behind", from: ["c"] },
        { makes: "a", from: ["c"] },
        { makes: "b", from: ["a"] },
        { makes: "c", from: ["b"] },
      ),
    );
    expect(failure.reason).toBe("cycle");
    const way = /: (.*)$/.exec(failure.message)?.[1]?.split(" → ") ?? [];
    expect(way).toHaveLength(4);
    expect(way[0]).toBe(way[3]);
    expect([...new Set(way)].sort()).toEqual(["a", "b", "c"]);
    // Each arrow leads from a producer to its consumer.
    expect(way.join("")).toMatch(/abc/);
  });

  it("an action that reads what it makes", () => {
    expect(only(mistakes({ makes: "a", from: ["a"] })).message).toContain("a → a");
  });

  it.each([
    [
      "an output inside an output folder",
      [{ makes: { out: committed("d", "folder") } }, { makes: "d/x" }],
    ],
    [
      "an input inside an output folder",
      [{ makes: { out: committed("d", "folder") } }, { makes: "y", from: ["d/sub/x"] }],
    ],
  ] satisfies [string, Sketch[]][])("%s", (_, sketches) => {
    const failure = only(mistakes(...sketches));
    expect(failure.reason).toBe("overlapping_output");
    expect(failure.message).toContain("inside d,");
  });

  it("a source folder in which something is made", () => {
    const from = { data: { path: "d", kind: "folder" as const } };
    const failure = only(mistakes({ makes: "d/x" }, { makes: "y", from }));
    expect(failure).toMatchObject({ reason: "overlapping_output", target: "y" });
    expect(failure.message).toContain("d/x is made");
    // Unless its patterns leave the made file out.
    const narrow = { data: { path: "d", kind: "folder" as const, include: ["*.json"] } };
    expect(graphOf({ makes: "d/x" }, { makes: "y", from: narrow }).actions).toHaveLength(2);
  });

  it("something local that is taken only if it is there: a clone would have another reader", () => {
    const from = { text: { path: "x", kind: "file", optional: true } as const };
    const failure = only(mistakes({ makes: { a: local("x") } }, { makes: "y", from }));
    expect(failure).toMatchObject({ reason: "invalid_declaration", target: "y" });
    expect(failure.message).toContain("x only if it is there, but that is a local output");
    expect(graphOf({ makes: "x" }, { makes: "y", from }).actions).toHaveLength(2);
  });

  it("two targets whose lock records would need one path", () => {
    const failure = only(mistakes({ makes: "x" }, { makes: "x.json/y" }));
    expect(failure).toMatchObject({ reason: "overlapping_output", target: "x.json/y" });
  });

  it.each([
    ["", "is empty"],
    ["/etc/passwd", "is absolute"],
    ["a\\b", "has a backslash"],
    ["a/../b", "has a . or .. part"],
    ["./a", "has a . or .. part"],
    ["a//b", "has an empty part"],
    ["a/", "has an empty part"],
    ["a\0b", "has a NUL byte"],
    [".aqm/store/x", "belongs to aqm"],
    ["aqm.lock/x.json", "belongs to aqm"],
  ])("the path %j", (path, problem) => {
    const failure = only(mistakes({ makes: path, line: 4 }));
    expect(failure).toMatchObject({ reason: "invalid_declaration", place: { line: 4 } });
    expect(failure.message).toContain(problem);
  });

  it("paths that merely look like them are fine", () => {
    const makes = { a: committed("..a/b..c"), b: committed(".aqmx"), c: committed("x/aqm.lock") };
    expect(graphOf({ makes }).actions).toHaveLength(1);
  });

  it("an action without outputs", () => {
    expect(only(mistakes({ makes: {} })).message).toContain("declares no output");
  });

  it("are reported all together", () => {
    const reasons = mistakes({ makes: "/x" }, { makes: "a" }, { makes: "a" }, { makes: {} }).map(
      ({ reason }) => reason,
    );
    expect(reasons.sort()).toEqual([
      "duplicate_output",
      "invalid_declaration",
      "invalid_declaration",
    ]);
  });
});
