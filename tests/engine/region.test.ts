import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineDiff } from "../../src/model/line-diff.ts";
import {
  beginMarker,
  endMarker,
  fillRegion,
  findRegion,
  isBlank,
  regionContent,
  regionOf,
  regionPath,
} from "../../src/model/region.ts";
import { buildGraph } from "../../src/graph/build-graph.ts";
import type { OutputDeclaration } from "../../src/model/declaration.ts";
import { action, committed, graphOf, selectPaths, type Sketch } from "./support/graphs.ts";
import { valueOf } from "./support/results.ts";

const part = (file: string, id = "runs"): OutputDeclaration => ({
  path: regionPath({ file, id }),
  kind: "region",
  keep: "committed",
});
const marked = (content: string, id = "runs"): string =>
  `${beginMarker(id)}\n${content}${endMarker(id)}\n`;

/** Any bytes, as a file has them: one character each. */
const bytes = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom("a", " ", "#", "\n", "\r\n", "\r", "|", "<!--") },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) },
    ),
    { maxLength: 60 },
  )
  .map((pieces) => pieces.join(""));
const written = bytes.filter((text) => regionContent(text).ok);

describe("filling a region", () => {
  it("leaves every byte outside as it was, and reads back what was put in", () => {
    fc.assert(
      fc.property(bytes, bytes, written, fc.boolean(), (above, below, text, windows) => {
        const content = valueOf(regionContent(text));
        const newline = windows ? "\r\n" : "\n";
        const head = `${above}\n${beginMarker("runs")}${newline}`;
        const tail = `${endMarker("runs")}${newline}${below}`;
        const filled = valueOf(fillRegion(`${head}old${newline}${tail}`, "runs", content));
        expect(filled.startsWith(head)).toBe(true);
        expect(filled.endsWith(tail)).toBe(true);
        expect(findRegion(filled, "runs")).toMatchObject({ state: "there", content });
        const inside = filled.slice(head.length, filled.length - tail.length);
        expect(inside.split(newline).length).toBe(content.split("\n").length);
        expect(valueOf(fillRegion(filled, "runs", content))).toBe(filled);
      }),
      { numRuns: 500 },
    );
  });

  it("puts markers that are not there at the end, in the file's own line ends", () => {
    expect(fillRegion("", "runs", "x\n")).toEqual({ ok: true, value: marked("x\n") });
    expect(fillRegion("# A", "runs", "x\n")).toEqual({
      ok: true,
      value: `# A\n\n${marked("x\n")}`,
    });
    expect(fillRegion("# A\r\n", "runs", "x\n")).toEqual({
      ok: true,
      value: `# A\r\n\r\n${marked("x\n").replaceAll("\n", "\r\n")}`,
    });
    const first = valueOf(fillRegion("", "runs", "x\n"));
    const both = valueOf(fillRegion(first, "costs", "y\n"));
    expect(both.startsWith(first)).toBe(true);
    expect(findRegion(both, "runs")).toMatchObject({ content: "x\n" });
    expect(findRegion(both, "costs")).toMatchObject({ content: "y\n" });
  });

  it("says with line numbers what is wrong with the markers", () => {
    const [begin, end] = [beginMarker("runs"), endMarker("runs")];
    const problem = (...lines: readonly string[]): unknown =>
      findRegion(`${lines.join("\n")}\n`, "runs");
    expect(problem("a", begin)).toMatchObject({
      problem: expect.stringMatching(/^line 2 begins .* nothing ends it$/) as string,
    });
    expect(problem("a", end)).toMatchObject({
      problem: expect.stringMatching(/^line 2 ends .* nothing begins it$/) as string,
    });
    expect(problem(end, begin)).toMatchObject({
      problem: expect.stringContaining("line 1 ends the region runs before line 2") as string,
    });
    expect(problem(begin, begin)).toMatchObject({
      problem: expect.stringContaining("begins twice (lines 1, 2)") as string,
    });
    expect(problem(begin, end, begin, end)).toMatchObject({
      problem: expect.stringContaining("more than once (lines 1, 2, 3, 4)") as string,
    });
    expect(problem(begin, beginMarker("other"), endMarker("other"), end)).toMatchObject({
      problem: expect.stringContaining("a marker of other (line 2) lies in") as string,
    });
    expect(problem(beginMarker("other"), begin, end, endMarker("other"))).toMatchObject({
      problem: expect.stringContaining("lies in the region other") as string,
    });
    expect(problem(beginMarker("other"), endMarker("other"), begin, end)).toMatchObject({
      state: "there",
    });
    expect(problem(`see \`${begin}\``)).toEqual({ state: "absent" });
  });

  it("refuses content that is empty or holds markers", () => {
    expect(regionContent(" \n\n").ok).toBe(false);
    expect(regionContent(`x\n${endMarker("other")}\n`)).toMatchObject({
      error: expect.stringContaining("line 2") as string,
    });
    expect(regionContent("a\r\nb")).toEqual({ ok: true, value: "a\nb\n" });
    expect(isBlank("\r\n \n")).toBe(true);
  });

  it("is named by the last #", () => {
    expect(regionOf("notes #1/C#.md#runs")).toEqual({ file: "notes #1/C#.md", id: "runs" });
  });
});

describe("regions in the graph", () => {
  const failures = (...sketches: readonly Sketch[]): readonly string[] => {
    const built = buildGraph({ actions: sketches.map((sketch) => action(sketch)), defaults: [] });
    return built.ok ? [] : built.error.map(({ reason, message }) => `${reason}: ${message}`);
  };
  const region = (file: string, id?: string): { makes: Record<string, OutputDeclaration> } => ({
    makes: { table: part(file, id) },
  });

  it("share a file with each other", () => {
    expect(failures(region("A.md"), region("A.md", "costs"), { makes: "B.md" })).toEqual([]);
  });

  it("and with nothing else", () => {
    const overlapping = expect.stringMatching(/^overlapping_output: /) as string;
    expect(failures(region("A.md"), region("A.md"))).toEqual([
      "duplicate_output: Two actions make A.md#runs",
    ]);
    expect(failures(region("A.md"), { makes: "A.md" })).toEqual([overlapping]);
    expect(failures(region("A.md"), { makes: "a.md" })).toEqual([overlapping]);
    expect(failures(region("A.md"), region("a.md", "x"))).toEqual([overlapping]);
    expect(failures(region("A.md"), { makes: "A.md/x" })).toEqual([overlapping]);
    expect(failures(region("A.md"), { makes: "x", from: ["A.md"] })).toEqual([overlapping]);
    expect(failures(region("d/A.md"), { makes: { d: committed("d", "folder") } })).toEqual([
      overlapping,
    ]);
    expect(
      failures(region("d/A.md"), {
        makes: "x",
        from: { d: { path: "d", kind: "folder", include: ["*.md"] } },
      }),
    ).toEqual([overlapping]);
    expect(
      failures(region("d/A.md"), {
        makes: "x",
        from: { d: { path: "d", kind: "folder", include: ["*.txt"] } },
      }),
    ).toEqual([]);
    expect(failures(region("conf/A.md"))).toHaveLength(1);
    expect(failures({ makes: { table: { ...part("A.md"), path: "A.md" } } })).toHaveLength(1);
  });

  it("are chosen by their own name, by their file, and with their folder", () => {
    const graph = graphOf(region("d/A.md"), region("d/A.md", "costs"), { makes: "d/B.md" });
    const chosen = (target: string): readonly string[] =>
      [...selectPaths(graph, target).requested].map(({ id }) => id);
    expect(chosen("d/A.md#costs")).toEqual(["d/A.md#costs"]);
    expect(chosen("d/A.md")).toEqual(["d/A.md#runs", "d/A.md#costs"]);
    expect(chosen("d")).toHaveLength(3);
  });
});

describe("line differences", () => {
  it("show what went and what came, with a line around", () => {
    expect(lineDiff("a\nb\nc\nd\n", "a\nb\nX\nd\n")).toBe("  b\n- c\n+ X\n  d");
    expect(lineDiff("", "x\n")).toBe("+ x");
    expect(lineDiff("x\n", "x\n")).toBe("  x");
    expect(lineDiff("", "1\n2\n3\n4\n5\n", 2)).toBe("+ 1\n+ 2\n… and 3 lines more");
  });

  it("lead from one text to the other", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const join = (lines: readonly string[]): string =>
          lines.map((line) => `${line}\n`).join("");
        const lines = lineDiff(join(before), join(after), 1000).split("\n");
        const removed = lines.filter((line) => line.startsWith("-")).length;
        const added = lines.filter((line) => line.startsWith("+")).length;
        expect(before.length - removed).toBe(after.length - added);
        expect(removed + added === 0).toBe(join(before) === join(after));
      }),
    );
  });
});
