import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markdownReport } from "../../src/analysis/report/markdown-report.ts";
import { runsTable } from "../../src/analysis/report/runs-table.ts";
import { evenTable, table } from "../../src/analysis/text/markdown-table.ts";
import { markdownCode, markdownLink, markdownText } from "../../src/analysis/text/markdown.ts";
import { manyPairs } from "../page/many-pairs.ts";
import { defined } from "../engine/support/results.ts";

const EVIL =
  "a`<img src=x>`|\n<script>x</script>[a](javascript:b)\u202e![i](//x) https://x www.x.y **_b_**";

/** Markup that a name may not bring: an element, a link, a line of its own, a character that turns text. */
const MARKUP = /<[A-Za-z/!?]|\]\(|(?<!\\)\]\[|[\n\r\u202e]|(?<!\\):\/\/|www\.[a-z]|(?<!\\)[`*]/;

describe("a name in Markdown", () => {
  it.each([
    ["wfp8_afp8 medium", "wfp8_afp8 medium"],
    ["model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.q_proj"],
    ["[1, 2] (a)", "[1, 2] (a)"],
    ["a < b & c", "a < b & c"],
    ["a\\b", "a\\b"],
    ["a\\_b", "a\\\\\\_b"],
    ["&lt;", "&amp;lt;"],
    ["_x_", "\\_x\\_"],
    ["a\nb", "a\\\\nb"],
    ["<b>", "&lt;b>"],
    ["p](javascript:x)", "p\\]\\(javascript:x)"],
  ])("stays as it is where it is plain: %j", (name, written) => {
    expect(markdownText(name)).toBe(written);
  });

  it("brings no markup of its own, whatever it holds", () => {
    const pieces = [...Array.from("`*_~[]()<>!&\\|\n:/#a "), "www.", "https://", "javascript:"];
    const piece = fc.constantFrom(...pieces);
    const name = fc.array(piece, { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(name, fc.string(), fc.constant(EVIL)), (text) => {
        expect(markdownText(text)).not.toMatch(MARKUP);
        const code = /^`([^`\n]+)`$/.exec(markdownCode(text));
        if (code === null) expect(markdownCode(text)).not.toMatch(MARKUP);
        else expect(code[1]).toBe(text);
        const row = defined(table(["a"], [[markdownText(text)]])).split("\n");
        expect(row).toHaveLength(3);
        expect(row[2]).not.toMatch(/[^\\]\|./u);
        expect(defined(evenTable(["a"], [[text]])).split("\n")).toHaveLength(3);
      }),
      { numRuns: 1000 },
    );
  });

  it("is the text of one link, which leads to a file and to no other scheme", () => {
    expect(markdownLink("wfp8_afp8 small", "weight-fp8/run/report.md")).toBe(
      "[wfp8_afp8 small](weight-fp8/run/report.md)",
    );
    expect(markdownLink("p](x) [q]", "a b(c).md")).toBe("[p\\]\\(x) \\[q\\]](a%20b%28c%29.md)");
    expect(markdownLink("p", "javascript:alert(1)")).toBe("[p](./javascript:alert%281%29)");
  });

  it("stays one row of a table of runs and one line of a report", () => {
    const { manifest } = defined(manyPairs({ pairs: ["wfp8_afp8"] })[0]);
    const evil = {
      ...manifest,
      modelId: EVIL,
      schemeName: EVIL,
      layers: manifest.layers.map((layer) => ({ ...layer, name: EVIL, handle: EVIL })),
    };
    const run = { pair: EVIL, granularity: EVIL, scope: EVIL, size: EVIL, link: "r.md" };
    const runs = runsTable([{ ...run, manifest: evil, measurement: null }]);
    expect(runs.split("\n")).toHaveLength(3);
    expect(runs.replace("](r.md)", "")).not.toMatch(/<img|<script|\]\(/);
    const plain = { ...manifest, schemeName: "s" };
    const lines = (text: string): number => text.split("\n").length;
    expect(lines(markdownReport(evil))).toBe(lines(markdownReport({ ...plain, modelId: "m" })));
    expect(markdownReport(evil)).not.toMatch(/<img|<script|\]\(javascript|\u202e/);
  });
});
