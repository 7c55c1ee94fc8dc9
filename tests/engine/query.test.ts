import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActionNode } from "../../src/graph/graph.ts";
import { kindsOf, ofKind, pathsBetween, reached, readersOf } from "../../src/graph/query.ts";
import { criticalPath } from "../../src/plan/critical-path.ts";
import { graphOf, nodeOf, type Sketch } from "./support/graphs.ts";

const ids = (nodes: Iterable<ActionNode>): string[] => [...nodes].map(({ id }) => id);

/** Graphs of up to ten actions; each reads from any of those before it, and from some of three sources. */
const sketches: fc.Arbitrary<Sketch[]> = fc
  .array(fc.tuple(fc.nat(1023), fc.nat(7)), { minLength: 1, maxLength: 10 })
  .map((rows) =>
    rows.map(([reads, sources], index) => ({
      makes: `n${index}`,
      from: [
        ...Array.from({ length: index }, (_, at) => `n${at}`).filter((_, at) => (reads >> at) & 1),
        ...["s/a", "s/b", "t"].filter((_, at) => (sources >> at) & 1),
      ],
    })),
  );

/** Every chain of actions from `from` on, found step by step in the sketches alone. */
function chains(all: readonly Sketch[], from: string): string[][] {
  const next = all.filter((one) => (one.from as string[]).includes(from));
  const longer = next.flatMap(({ makes }) => chains(all, makes as string));
  return [[from], ...longer.map((chain) => [from, ...chain])];
}

describe("questions about a graph, against a naive model", () => {
  it("finds what a target is made from, and what is made from it", () => {
    fc.assert(
      fc.property(sketches, fc.nat(9), fc.integer({ min: 1, max: 4 }), (all, pick, most) => {
        const graph = graphOf(...all);
        const start = `n${pick % all.length}`;
        const below = chains(all, start);
        const down = (depth: number): string[] => [
          ...new Set(below.filter((chain) => chain.length <= depth + 1).flat()),
        ];
        const node = nodeOf(graph, start);
        const sorted = (names: string[]): string[] => names.filter((id) => id !== start).sort();
        expect(ids(reached([node], "down")).sort()).toEqual(sorted(down(99)));
        expect(ids(reached([node], "down", most)).sort()).toEqual(sorted(down(most)));
        const above = all
          .map(({ makes }) => makes as string)
          .filter((id) =>
            chains(all, id).some((chain) => chain.length > 1 && chain.includes(start)),
          );
        expect(ids(reached([node], "up")).sort()).toEqual(sorted(above));
        const indices = reached([node], "up").map(({ index }) => index);
        expect(indices).toEqual([...indices].sort((a, b) => a - b));
      }),
    );
  });

  it("lists every path between two targets once, up to a bound", () => {
    fc.assert(
      fc.property(sketches, fc.nat(9), fc.nat(9), fc.nat(6), (all, one, other, most) => {
        const graph = graphOf(...all);
        const [from, to] = [`n${one % all.length}`, `n${other % all.length}`];
        const wanted = chains(all, from).filter((chain) => chain.at(-1) === to);
        const sets = [new Set([nodeOf(graph, from)]), new Set([nodeOf(graph, to)])] as const;
        const whole = pathsBetween(...sets, 10_000);
        expect(whole.more).toBe(false);
        expect(whole.paths.map(ids).map(String).sort()).toEqual(wanted.map(String).sort());
        const some = pathsBetween(...sets, most);
        expect(some.paths).toEqual(whole.paths.slice(0, most));
        expect(some.more).toBe(wanted.length > most);
      }),
    );
  });

  it("finds the first of very many paths at once", () => {
    const layers = Array.from({ length: 40 }, (_, layer) =>
      ["a", "b"].map((side) => ({
        makes: `${side}${layer}`,
        from: layer === 0 ? [] : [`a${layer - 1}`, `b${layer - 1}`],
      })),
    ).flat();
    const graph = graphOf(...layers, { makes: "dead", from: ["a0"] });
    const ends = [new Set([nodeOf(graph, "a0")]), new Set([nodeOf(graph, "b39")])] as const;
    expect(pathsBetween(...ends, 5)).toMatchObject({ paths: { length: 5 }, more: true });
    expect(pathsBetween(ends[1], ends[0], 5)).toEqual({ paths: [], more: false });
  });

  it("finds who reads a source, also as a part of a folder", () => {
    const folder = (include?: string[]) => ({
      data: {
        path: "data",
        kind: "folder" as const,
        ...(include === undefined ? {} : { include }),
      },
    });
    const graph = graphOf(
      { makes: "whole", from: folder() },
      { makes: "texts", from: folder(["*.txt"]) },
      { makes: "one", from: ["data.txt"] },
      { makes: "two", from: ["one"] },
    );
    expect(ids(readersOf(graph.actions, "data/a.txt"))).toEqual(["whole", "texts"]);
    expect(ids(readersOf(graph.actions, "data/b.json"))).toEqual(["whole"]);
    expect(ids(readersOf(graph.actions, "data.txt"))).toEqual(["one"]);
    expect(ids(readersOf(graph.actions, "one"))).toEqual([]); // made, so no source
  });

  it("knows actions by op, runtime and lane", () => {
    const graph = graphOf(
      { makes: "a", op: "aqm/rules/ops/markdown-report.ts" },
      { makes: "b", op: "score", python: "env", gpu: 1 },
    );
    expect(kindsOf(nodeOf(graph, "a"))).toContain("markdown-report");
    for (const kind of ["score", "python", "gpu"]) {
      expect(ids(ofKind(graph.actions, kind))).toEqual(["b"]);
    }
    expect(ids(ofKind(graph.actions, "cpu"))).toEqual(["a"]);
    expect(ids(ofKind(graph.actions, "report"))).toEqual([]);
  });
});

describe("the critical path", () => {
  it("is the longest of all chains, and one of them", () => {
    fc.assert(
      fc.property(
        sketches,
        fc.array(fc.nat(20), { minLength: 10, maxLength: 10 }),
        (all, costs) => {
          const graph = graphOf(...all);
          const cost = (id: string): number => costs[Number(id.slice(1))] ?? 0;
          const length = (chain: readonly string[]): number =>
            chain.reduce((sum, id) => sum + cost(id), 0);
          const every = all.flatMap(({ makes }) => chains(all, makes as string));
          const found = criticalPath(graph.actions, ({ id }) => cost(id));
          expect(found.seconds).toBe(Math.max(...every.map(length)));
          expect(length(ids(found.nodes))).toBe(found.seconds);
          expect(every.map(String)).toContain(String(ids(found.nodes)));
          expect(criticalPath(graph.actions, ({ id }) => cost(id))).toEqual(found);
        },
      ),
    );
  });

  it("leads through the given actions alone", () => {
    const graph = graphOf({ makes: "a" }, { makes: "b", from: ["a"] }, { makes: "c", from: ["b"] });
    const some = graph.actions.filter(({ id }) => id !== "b");
    expect(ids(criticalPath(some, () => 1).nodes)).toEqual(["a"]);
    expect(criticalPath([], () => 1)).toEqual({ nodes: [], seconds: 0 });
  });
});
