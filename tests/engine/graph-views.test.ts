import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Verdict } from "../../src/model/verdict.ts";
import type { Picture, PictureNode } from "../../src/plan/picture.ts";
import { graphData } from "../../src/ui/graph-data.ts";
import { foldByOp } from "../../src/ui/graph-fold.ts";
import { graphMermaid } from "../../src/ui/graph-mermaid.ts";
import { graphPage } from "../../src/ui/graph-page.ts";
import { graphText } from "../../src/ui/graph-text.ts";
import { NO_COLOURS } from "../../src/ui/reporter.ts";
import { VERDICTS } from "../../src/ui/web/data.ts";
import { foldings, unfold, type Fold } from "../../src/ui/web/graph-folds.ts";
import { readActions } from "../../src/ui/web/graph-model.ts";

const node = (target: string, more: Partial<PictureNode> = {}): PictureNode => ({
  target,
  outputs: [target],
  op: "rules/ops/copy.ts",
  runtime: "typescript",
  gpu: false,
  resources: { cpu: 0, gpu: 0 },
  verdict: "fresh",
  causes: [],
  seconds: null,
  basis: null,
  coordinates: {},
  producers: [],
  sources: [],
  ...more,
});
const picture = (nodes: readonly PictureNode[], critical: readonly number[] = []): Picture => ({
  nodes,
  critical: { of: "due", nodes: critical, seconds: 3, untimed: 0 },
});

const name = fc.constantFrom("a", "b", "c.md", "d e", "<x>", "__proto__");
const pictures: fc.Arbitrary<Picture> = fc
  .array(
    fc.record({
      path: fc.array(name, { minLength: 1, maxLength: 4 }),
      op: fc.constantFrom("rules/ops/a.ts", "b", "c"),
      verdict: fc.constantFrom<Verdict>(...VERDICTS),
      seconds: fc.option(fc.constantFrom(0, 0.25, 12, 4000), { nil: null }),
      reads: fc.array(fc.nat(30), { maxLength: 3 }),
      cell: fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("1", "2")),
    }),
    { maxLength: 30 },
  )
  .map((rows) =>
    picture(
      rows.map(({ path, op, verdict, seconds, reads, cell }, at) =>
        node([...path, `t${at}`].join("/"), {
          op,
          verdict,
          seconds,
          causes: verdict === "fresh" ? [] : [{ kind: "never_built" }],
          producers: [...new Set(reads.filter((one) => one < at))],
          sources: at % 2 === 0 ? ["s/source"] : [],
          coordinates: cell,
        }),
      ),
      rows.length > 0 ? [0] : [],
    ),
  );

describe("the graph page", () => {
  it("reads back exactly what it was given", () => {
    fc.assert(
      fc.property(pictures, (given) => {
        const data = JSON.parse(JSON.stringify(graphData(given))) as ReturnType<typeof graphData>;
        const actions = readActions(data);
        expect(
          actions.map(({ path, op, verdict, seconds, producers, sources, cell }) => ({
            path,
            op,
            verdict,
            seconds,
            producers,
            sources,
            cell: [...cell],
          })),
        ).toEqual(
          given.nodes.map(({ target, op, verdict, seconds, producers, sources, coordinates }) => ({
            path: target,
            op,
            verdict,
            seconds,
            producers,
            sources,
            cell: Object.entries(coordinates),
          })),
        );
        for (const { position, consumers } of actions)
          for (const at of consumers) expect(actions[at]?.producers).toContain(position);
      }),
    );
  });

  it("folds every target away exactly once, whatever it folds by", () => {
    fc.assert(
      fc.property(pictures, (given) => {
        const actions = readActions(graphData(given));
        for (const folding of foldings(actions)) {
          const found: number[] = [];
          const open: Fold[] = [{ id: "", label: "", actions, depth: 0 }];
          for (let fold = open.pop(); fold !== undefined; fold = open.pop()) {
            const inside = unfold(fold, folding);
            found.push(...inside.actions.map(({ position }) => position));
            const below = inside.folds.reduce((sum, one) => sum + one.actions.length, 0);
            expect(below + inside.actions.length).toBe(fold.actions.length);
            expect(new Set(inside.folds.map(({ id }) => id)).size).toBe(inside.folds.length);
            open.push(...inside.folds);
          }
          expect(found.sort((a, b) => a - b)).toEqual(actions.map(({ position }) => position));
        }
      }),
    );
  });

  it("is the same bytes each time, and no name can become markup", () => {
    const parts = { script: "let a = '</script>';", style: "" };
    const given = picture([
      node("out/</script><img src=x>", {
        op: "<b>",
        verdict: "run",
        causes: [{ kind: "never_built" }],
      }),
    ]);
    const page = graphPage(given, "Graph of <all>", parts);
    expect(page).toBe(graphPage(given, "Graph of <all>", parts));
    expect(page).not.toMatch(/<img|<b>|<all>|https?:/);
    expect(page.match(/<\/script>/g)).toHaveLength(2);
  });
});

describe("the other views", () => {
  const chain = picture(
    [
      node("in", { verdict: "run", seconds: 2, causes: [{ kind: "never_built" }] }),
      ...Array.from({ length: 9 }, (_, at) => node(`part${at}`, { producers: [0] })),
      node("out", {
        verdict: "unknown",
        seconds: 1,
        gpu: true,
        op: "rules/ops/join.ts",
        producers: [1, 2, 3, 4, 5, 6, 7, 8, 9],
        causes: [{ kind: "waits_for", producer: "in" }],
      }),
    ],
    [0, 10],
  );

  it("draws a tree that counts what is alike, and shows each part once", () => {
    expect(graphText(chain, NO_COLOURS, false).split("\n")).toEqual([
      "unknown  out GPU  1.0 s; known once in is done",
      "├─ fresh    part0",
      "│  └─ run      in  2.0 s; never built",
      ...[1, 2, 3, 4, 5].flatMap((at) => [
        `├─ fresh    part${at}`,
        "│  └─ run      in  2.0 s; never built",
      ]),
      "└─ … 3 more of rules/ops/copy.ts: 3 fresh, 0 not",
      "",
      "critical path of what is due: 3.0 s, 2 actions",
      "         2.0 s  in",
      "         1.0 s  out",
    ]);
    expect(graphText(chain, NO_COLOURS, true)).toContain("part8");
  });

  it("names a neighbour in the same folder without the folder", () => {
    const text = graphText(
      picture([
        node("m/x/scores"),
        node("m/x/report", { producers: [0] }),
        node("m/x/y/deeper", { producers: [1] }),
      ]),
      NO_COLOURS,
      false,
    );
    expect(text.split("\n").slice(0, 3)).toEqual([
      "fresh    m/x/y/deeper",
      "└─ fresh    m/x/report",
      "   └─ fresh    ./scores",
    ]);
  });

  it("draws Mermaid of actions, and of ops where there are many", () => {
    const small = graphMermaid(picture([node('a "b"#c'), node("d", { producers: [0] })], [0, 1]));
    expect(small).toContain('n0["a #34;b#34;#35;c"]:::fresh');
    expect(small).toContain("n0 --> n1\nlinkStyle 0 stroke-width:3px");
    const many = picture([
      node("in"),
      ...Array.from({ length: 200 }, (_, at) =>
        node(`x${at}`, { op: "many", producers: [0], verdict: at === 7 ? "run" : "fresh" }),
      ),
    ]);
    const folded = graphMermaid(many).split("\n");
    expect(folded[1]).toBe("%% 201 actions, folded by op");
    expect(folded).toContain('n1["many<br/>200, 1 not fresh"]:::run');
    expect(folded).toContain("n0 -- 200 --> n1");
  });

  it("counts every action and every reader once when it folds by op", () => {
    fc.assert(
      fc.property(pictures, (given) => {
        const { groups, edges } = foldByOp(given);
        expect(groups.reduce((sum, { total }) => sum + total, 0)).toBe(given.nodes.length);
        for (const { counts, total } of groups)
          expect(Object.values(counts).reduce((sum, one) => sum + one, 0)).toBe(total);
        for (const [from, to, count] of edges) {
          const readers = given.nodes.filter(
            ({ op, producers }) =>
              op === groups[to]?.op &&
              producers.some((at) => given.nodes[at]?.op === groups[from]?.op),
          );
          expect(readers).toHaveLength(count);
        }
      }),
    );
  });
});
