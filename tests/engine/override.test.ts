import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTerms } from "../../src/cli/language/terms.ts";
import { applyOverrides } from "../../src/declare/override/apply.ts";
import {
  canonicalOrder,
  variantName,
  type Groups,
  type Override,
} from "../../src/declare/override/override.ts";
import { canonicalJson, type Json } from "../../src/model/json.ts";
import { runs } from "../rig/wide.ts";
import { GROUPS, refusal, resolve, result, style, value } from "./support/overrides.ts";
import { only, valueOf } from "./support/results.ts";

describe("an override", () => {
  it("changes that value and nothing else, in the options that have the key", () => {
    const { groups, changed, chosen } = result("style.deep.text=c", "style.deep.list.1=7");
    expect(groups["style"]).toEqual({
      plain: { loud: true, deep: { list: [1, 7], text: "c" } },
      other: { loud: false, deep: { list: [], text: "c" } },
      bare: { loud: false },
    });
    expect(changed.map(({ option }) => option).sort()).toEqual(["other", "plain"]);
    expect(chosen).toEqual({});
    expect(GROUPS["style"]?.["plain"]).toEqual({ loud: true, deep: { list: [1, 2], text: "a" } });
  });

  it("merges a mapping into one that is there, as in Hydra", () => {
    expect(style("style.deep={text: c}")).toMatchObject({
      plain: { deep: { list: [1, 2], text: "c" } },
    });
    expect(style("++style.deep={more: {x: 1}}", "style/plain.deep.more.x=2")).toMatchObject({
      plain: { deep: { list: [1, 2], text: "a", more: { x: 2 } } },
      bare: { deep: { more: { x: 1 } } },
    });
    expect(refusal("style.deep={texd: c}")).toContain("no key deep.texd | Did you mean text?");
    expect(refusal("style.deep={}")).toContain("~style.deep.key removes a key");
  });

  it("adds with +, does either with ++, removes with ~, is about one option after a slash", () => {
    expect(result("+paper.height=297").groups["paper"]).toMatchObject({
      a4: { width: 210, height: 297 },
    });
    expect(style("+style/plain.deep.list.3=8", "+style/plain.deep.list.2=9")).toMatchObject({
      plain: { deep: { list: [1, 2, 9, 8] } },
      other: { deep: { list: [] } },
    });
    expect(style("++style.loud=3", "++style.new.key=4")).toMatchObject({
      bare: { loud: 3, new: { key: 4 } },
    });
    expect(style("~style.deep.text", "~style/bare.loud=false")).toEqual({
      plain: { loud: true, deep: { list: [1, 2] } },
      other: { loud: false, deep: { list: [] } },
      bare: {},
    });
    expect(style("style/bare.loud=true", "style.loud=3")).toMatchObject({
      plain: { loud: 3 },
      bare: { loud: true },
    });
    expect(result("style=other").chosen).toEqual({ style: "other" });
    expect(result("+paper.a\\.b\\=c=1").groups["paper"]).toMatchObject({ a4: { "a.b=c": 1 } });
  });

  it.each<[readonly string[], string]>([
    [["style.lout=1"], "conf/style has no key lout | Did you mean loud?"],
    [["style.deep.list.2=9"], "conf/style has no key deep.list.2 | It has: 0, 1."],
    [["style.deep.list.length=9"], "no key deep.list.length"],
    [["+style.loud=1"], "plain.yaml: loud is there already"],
    [
      ["+style/plain.deep.list.5=9"],
      "the list deep.list has 2 items, and no place for 5 | Its next item is deep.list.2.",
    ],
    [["+style/plain.deep.list.x=9"], "the list deep.list has 2 items"],
    [["+style/plain.deep.list.02=9"], "the list deep.list has 2 items"],
    [["+style.deep.list.2=9"], "other.yaml: the list deep.list has 0 items"],
    [["+style/bare.deep.list.0=9"], "deep.list is not there, so it has no item 0"],
    [["+style.loud.x=5"], "loud is true, which has no keys"],
    [["++style.loud.x=5"], "loud is true, which has no keys"],
    [["style.deep=1", "style.deep.text=c"], "no key deep.text"],
    [["~style.deep", "style.deep.text=c"], "no key deep.text"],
    [["~style.lout"], "Did you mean loud?"],
    [["~style.loud=true"], "in conf/style/other.yaml it is false"],
    [["~style/plain.deep.list.0"], "is an item of a list"],
    [["~style"], "~style names no key"],
    [["+style=other"], "+style names no key"],
    [["style=othre"], "Did you mean other?"],
    [["style=[other]"], "There is no conf/style/"],
    [["style/plain=other"], "names no key"],
    [["style/plain/other.loud=1"], "names two options"],
    [["style.deep..text=1"], "has an empty part"],
    [["style.__proto__.x=1"], "__proto__ is not a key"],
    [["+style.constructor=1"], "constructor is not a key"],
    [["__proto__.x=1"], "__proto__ is not a key"],
    [["style.loud"], "is not an override"],
    [["=1"], "is not an override"],
    [["+++style.loud=1"], "is not an override"],
    [["stile.loud=1"], "Did you mean style?"],
    [["tone=lout"], "Did you mean loud?"],
    [["tone=[loud]"], "is an axis"],
    [["tone=loud,"], "an item is empty"],
  ])("never does less than what was said: %j", (texts, what) => {
    expect(refusal(...texts)).toContain(what);
  });

  it("does to a config what a simple model says", () => {
    const key = fc.constantFrom("a", "b", "c.d", "0");
    const tree = fc.letrec<{ tree: Json }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<Json>(1, "x", null),
        fc.dictionary(key, tie("tree"), { maxKeys: 3, noNullPrototype: true }),
        fc.array(tie("tree"), { maxLength: 3 }),
      ),
    })).tree;
    const config = fc.dictionary(key, tree, { maxKeys: 3, noNullPrototype: true });
    const path = fc.array(fc.oneof(key, fc.constantFrom("1", "2")), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        config,
        path,
        fc.constantFrom<Json>(7, "y", [1]),
        fc.constantFrom("", "+", "++", "~"),
        (content, at, leaf, sign) => {
          const groups: Groups = { g: { only: content } };
          const known = { axes: new Map(), groups };
          const name = at.map((one) => one.replace(".", "\\.")).join(".");
          const text = sign === "~" ? `~g.${name}` : `${sign}g.${name}=${canonicalJson(leaf)}`;
          const [choice] = only(valueOf(readTerms([text], known, false)));
          if (choice?.kind !== "override") throw new Error("not an override");
          const got = applyOverrides(groups, [choice.override]);
          expect(got.ok ? got.value.groups["g"]?.["only"] : null).toEqual(
            expected(content as Json, at, leaf, sign),
          );
        },
      ),
      { numRuns: runs(2000) },
    );
  });

  it("does the same in any order, and the last one for a key wins", () => {
    const texts = [
      "style.loud=1",
      "style/plain.loud=2",
      "style=other",
      "paper.width=3",
      "style.deep.text=[]",
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(texts, { minLength: 5 }), (order) => {
        expect(result(...order)).toEqual(result(...texts));
        expect(variantName(order.map(resolve))).toBe(variantName(texts.map(resolve)));
      }),
    );
    expect(variantName([resolve("style.loud=1"), resolve("style.loud=2")])).toBe("style.loud=2");
  });

  it("has a folder name that is a name, and another one for other overrides", () => {
    const one = fc.record({
      path: fc.array(fc.constantFrom("x", "y", "X", "x.y"), { minLength: 1, maxLength: 2 }),
      value: fc.oneof(
        value,
        fc.constantFrom<Json>("A", "a", 1, "1", true, "true", null, "a,b=c", "../x"),
      ),
      adds: fc.boolean(),
    });
    const overrides = fc
      .array(one, { minLength: 1, maxLength: 3 })
      .map((list) =>
        list.map((item): Override => ({ kind: "value", group: "g", option: null, ...item })),
      );
    fc.assert(
      fc.property(overrides, overrides, (a, b) => {
        const [first, second] = [variantName(a), variantName(b)];
        expect(first).toMatch(/^[\w.=,+~-]+$/);
        expect(first.length).toBeLessThan(140);
        const identity = (list: readonly Override[]): string =>
          canonicalJson(canonicalOrder(list) as unknown as Json);
        expect(first.toLowerCase() === second.toLowerCase()).toBe(identity(a) === identity(b));
      }),
      { numRuns: runs(500) },
    );
    expect(variantName([resolve("style=other"), resolve("paper.width=64")])).toBe(
      "paper.width=64,style=other",
    );
    expect(variantName([resolve("~style.loud")])).toMatch(/^style\.loud=~[0-9a-f]{10}$/);
  });
});

/** What an override makes of a config, said without the code that does it; null for a refusal. */
function expected(value: Json, path: readonly string[], leaf: Json, sign: string): Json | null {
  const [first = "", ...rest] = path;
  if (typeof value !== "object" || value === null) return null;
  const copy = structuredClone(value) as Record<string, Json> | Json[];
  const there = Object.hasOwn(value, first);
  const box = copy as Record<string, Json>;
  if (rest.length > 0) {
    if (!there && (sign === "" || sign === "~")) return null;
    if (!there && Array.isArray(copy) && first !== String(copy.length)) return null;
    if (!there && /^\d+$/.test(rest[0] ?? "")) return null;
    const inner = expected(there ? (box[first] ?? null) : {}, rest, leaf, sign);
    if (inner === null) return null;
    box[first] = inner;
    return copy;
  }
  if (there && sign === "+") return null;
  if (!there && (sign === "" || sign === "~")) return null;
  if (!there && Array.isArray(copy) && first !== String(copy.length)) return null;
  if (sign === "~") {
    if (Array.isArray(copy)) return null;
    Reflect.deleteProperty(box, first);
  } else box[first] = leaf;
  return copy;
}
