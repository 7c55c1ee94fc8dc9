import picomatch from "picomatch";
import { describe, expect, it } from "vitest";
import { buildGraph } from "../../src/graph/build-graph.ts";
import { select, type Selection } from "../../src/graph/select.ts";
import { action, committed, graphOf, type Sketch } from "./support/graphs.ts";
import { errorOf, only, valueOf } from "./support/results.ts";

const SKETCHES: readonly Sketch[] = [
  { makes: "data/base", from: ["src"] },
  { makes: "out/a/report.md", from: ["data/base"] },
  { makes: { md: committed("out/b/report.md"), json: committed("out/b/report.json") } },
];
const graph = graphOf(...SKETCHES);
const globs = (pattern: string) => {
  const matches = picomatch(pattern, { dot: true });
  return (path: string): boolean => matches(path);
};
const pick = (...targets: readonly string[]): Selection => valueOf(select(graph, targets, globs));
const ids = (nodes: Iterable<{ id: string }>): string[] => [...nodes].map(({ id }) => id);

describe("selecting targets", () => {
  it("takes a file by its path, with all that it is made from, producers first", () => {
    const selection = pick("out/a/report.md");
    expect(ids(selection.requested)).toEqual(["out/a/report.md"]);
    expect(ids(selection.needed)).toEqual(["data/base", "out/a/report.md"]);
    expect([...selection.exact]).toEqual(["out/a/report.md"]);
  });

  it("takes any output of an action, and remembers which was named", () => {
    const selection = pick("out/b/report.json");
    expect(ids(selection.requested)).toEqual(["out/b/report.md"]);
    expect([...selection.exact]).toEqual(["out/b/report.json"]);
  });

  it.each(["out", "out/", "./out", "out//"])(
    "takes a folder for everything in it: %s",
    (folder) => {
      const selection = pick(folder);
      expect(ids(selection.requested).sort()).toEqual(["out/a/report.md", "out/b/report.md"]);
      expect(selection.exact.size).toBe(0);
    },
  );

  it("takes the whole workspace for a dot", () => {
    expect(pick(".").requested.size).toBe(3);
  });

  it("does not take a folder for one whose name begins alike", () => {
    expect(errorOf(select(graph, ["ou"], globs))).toHaveLength(1);
  });

  it.each([
    ["out/*/report.md", 2],
    ["**/*.json", 1],
    ["{data,nothing}/*", 1],
  ])("takes a glob over outputs: %s", (glob, count) => {
    expect(pick(glob).requested.size).toBe(count);
  });

  it("takes the defaults when nothing is asked for, and everything without defaults", () => {
    expect(pick().requested.size).toBe(3);
    const withDefaults = valueOf(
      buildGraph({ actions: SKETCHES.map(action), defaults: ["out/a"] }),
    );
    expect(ids(valueOf(select(withDefaults, [], globs)).requested)).toEqual(["out/a/report.md"]);
  });

  it("names the nearest path or folder for an unknown target", () => {
    const failure = only(errorOf(select(graph, ["out/a/reprot.md"], globs)));
    expect(failure).toMatchObject({
      reason: "unknown_target",
      target: "out/a/reprot.md",
      nextStep: "Did you mean out/a/report.md?",
    });
    expect(only(errorOf(select(graph, ["dta"], globs))).nextStep).toBe("Did you mean data?");
    expect(only(errorOf(select(graph, ["zzzzzz/*"], globs))).nextStep).toContain("aqm list");
  });

  it("tells what of a folder or a glob is skipped, and refuses what is skipped by name", () => {
    const declared = ["out/c", "out/d"].map((path) => ({ path, because: "no ink" }));
    const inky = valueOf(
      buildGraph({ actions: SKETCHES.map(action), defaults: [], skipped: declared }),
    );
    const skipped = (...targets: readonly string[]): string[] => [
      ...valueOf(select(inky, targets, globs)).skipped.keys(),
    ];
    expect(skipped("out")).toEqual(["out/c", "out/d"]);
    expect(skipped()).toEqual(["out/c", "out/d"]);
    expect(skipped("out/*/report.md")).toEqual(["out/c", "out/d"]);
    expect(skipped("out/[cd]/*")).toEqual(["out/c", "out/d"]);
    expect(skipped("out/a", "data/base")).toEqual([]);
    for (const target of ["out/c", "out/c/report.md"]) {
      expect(only(errorOf(select(inky, [target], globs)))).toMatchObject({
        reason: "skipped_target",
        message: expect.stringContaining("no ink") as string,
      });
    }
    expect(only(errorOf(select(inky, ["out/cc"], globs))).reason).toBe("unknown_target");
  });

  it("refuses a glob that ends in the name of no output, although skipped folders might hold it", () => {
    const inky = valueOf(
      buildGraph({
        actions: SKETCHES.map(action),
        defaults: [],
        skipped: [{ path: "out/c", because: "no ink" }],
      }),
    );
    expect(only(errorOf(select(inky, ["out/*/reprot.md"], globs)))).toMatchObject({
      reason: "unknown_target",
      nextStep: "Did you mean out/*/report.md?",
    });
  });

  it("reports all unknown targets together", () => {
    expect(errorOf(select(graph, ["x1", "out", "x2"], globs))).toHaveLength(2);
  });
});
