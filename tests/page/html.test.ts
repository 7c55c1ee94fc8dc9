import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as analysis from "../../src/analysis/page/shared/html.ts";
import * as engine from "../../src/ui/html.ts";

/** Texts full of what could end an element, an attribute or an entity. */
const text = fc.string({ unit: fc.constantFrom(...Array.from(`<>&"'=/ \t;#aé日😀`), "`", "amp") });

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"' };

/** Character references as a browser reads them. */
const read = (markup: string): string =>
  markup.replace(/&(?:#(\d+)|(\w+));/g, (whole, number?: string, name?: string) =>
    number === undefined ? (NAMED[name ?? ""] ?? whole) : String.fromCodePoint(Number(number)),
  );

type Tag = Pick<typeof engine, "html" | "lines" | "scriptJson" | "scriptText">;

/** Whose pages, the tag for them, and how they show a tab: the engine's as its escape, as on a terminal. */
const TAGS: readonly (readonly [string, Tag, string])[] = [
  ["the engine's pages", engine, "\\t"],
  ["the analysis pages", analysis as unknown as Tag, "\t"],
];

describe.each(TAGS)("the tag of %s", (_whose, { html, lines, scriptJson, scriptText }, tab) => {
  it("shows every text as it is, in an element and in an attribute", () => {
    fc.assert(
      fc.property(text, text, (first, second) => {
        const page = html`<p title="${first}">${second}</p>`.toString();
        const [, title, inside] = /^<p title="([^"<>]*)">([^<>"]*)<\/p>$/.exec(page) ?? [];
        expect([title, inside].map((part) => read(part ?? "no match"))).toEqual([
          first.replaceAll("\t", tab),
          second.replaceAll("\t", tab),
        ]);
      }),
    );
  });

  it("takes markup as it is, and lists as their parts", () => {
    const items = ["<a>", "b"].map((name) => html`<li>${name}</li>`);
    expect(html`<ul>${items}</ul>`.toString()).toBe("<ul><li>&lt;a&gt;</li><li>b</li></ul>");
    expect(lines([...items, "<", 1]).toString()).toBe("<li>&lt;a&gt;</li>\n<li>b</li>\n&lt;\n1");
    expect(html`${["<", ["&"]]}`.toString()).toBe("&lt;&amp;");
  });

  it("takes nothing for markup that only looks like it", () => {
    const forged = { toString: () => "<script>" } as unknown as string;
    expect(() => html`${forged}`.toString()).toThrow();
  });

  it("lets no text end a script element", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("</script", ">", "<!--", "a", "\u2028")), (parts) => {
        const name = parts.join("");
        const data = scriptJson({ name }).toString();
        expect(data).not.toMatch(/[<\u2028\u2029]/);
        expect(JSON.parse(data)).toEqual({ name });
        expect(scriptText(`"${name}"`).toString()).not.toContain("</script");
      }),
    );
  });
});

describe("the tag of the analysis pages", () => {
  it("keeps a text within an attribute without quotes", () => {
    fc.assert(
      fc.property(text, (value) => {
        const page = analysis.html`<td class=${value} data-layer=1>`.toString();
        const [, given = ""] = /^<td class=("")? data-layer=1>$/.test(page)
          ? ["", ""]
          : (/^<td class=([^\s"'<>=`]+) data-layer=1>$/.exec(page) ?? ["", "no match"]);
        expect(read(given)).toBe(value);
      }),
    );
  });
});
