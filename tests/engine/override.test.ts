import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitChoices } from "../../src/declare/choices.ts";
import {
  applyOverrides,
  canonicalOrder,
  parseAssignment,
  resolveOverride,
  variantName,
  type Groups,
  type Override,
} from "../../src/declare/override.ts";
import { overrideValue } from "../../src/host/aqmfile/overrides.ts";
import { canonicalJson, type Json } from "../../src/model/json.ts";
import { valueOf } from "./support/results.ts";

const GROUPS: Groups = {
  style: {
    plain: { loud: true, deep: { list: [1, 2], text: "a" } },
    other: { loud: false, deep: { list: [], text: "b" } },
    bare: { loud: false },
  },
  paper: { a4: { width: 210 } },
};
const resolve = (text: string): Override =>
  valueOf(resolveOverride(valueOf(parseAssignment(text)), GROUPS, overrideValue));
const result = (...texts: readonly string[]) => applyOverrides(GROUPS, texts.map(resolve));

/** JSON whose numbers YAML reads back: what a config can hold. */
const json = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !/__proto__|"<<"|\d{16}|e[-+]?\d|-0/.test(JSON.stringify(value)))
  .map((value) => JSON.parse(JSON.stringify(value)) as Json);

describe("an override", () => {
  it("gives any JSON value back, whatever its text holds", () => {
    fc.assert(
      fc.property(json, (value) => {
        const override = resolve(`style.loud=${JSON.stringify(value)}`);
        expect(override).toMatchObject({ kind: "value", group: "style", path: ["loud"] });
        expect((override as { value: Json }).value).toEqual(value);
      }),
    );
  });

  it.each<[string, Json]>([
    ["64", 64],
    ["0.5", 0.5],
    ["true", true],
    ["yes", "yes"],
    ["'64'", "64"],
    ['"a=b, c"', "a=b, c"],
    ["max_length", "max_length"],
    ["[1, a]", [1, "a"]],
    ["{lm: 8}", { lm: 8 }],
    ["", ""],
    ["null", null],
  ])("is typed as in YAML: %s", (text, value) => {
    expect(resolve(`style.loud=${text}`)).toMatchObject({ value });
  });

  it("changes that value and nothing else, in the options that have the key", () => {
    const { groups, changed, chosen } = result("style.deep.text=c", "style.deep.list.1=7");
    expect(groups["style"]).toEqual({
      plain: { loud: true, deep: { list: [1, 7], text: "c" } },
      other: { loud: false, deep: { list: [], text: "c" } },
      bare: { loud: false },
    });
    expect(groups["paper"]).toBe(groups["paper"]);
    expect(changed.map(({ option }) => option).sort()).toEqual(["other", "plain"]);
    expect(chosen).toEqual({});
    expect(GROUPS["style"]?.["plain"]).toEqual({ loud: true, deep: { list: [1, 2], text: "a" } });
  });

  it("adds with +, is about one option after a slash, and chooses an option", () => {
    expect(result("+paper.height=297").groups["paper"]).toEqual({
      a4: { width: 210, height: 297 },
    });
    expect(result("style/bare.loud=true", "style.loud=3").groups["style"]).toMatchObject({
      plain: { loud: 3 },
      bare: { loud: true },
    });
    expect(result("style=other").chosen).toEqual({ style: "other" });
  });

  it("does the same in any order, and the last one for a key wins", () => {
    const texts = [
      "style.loud=1",
      "style/plain.loud=2",
      "style=other",
      "paper.width=3",
      "style.deep={}",
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
    const value = fc.oneof(
      json,
      fc.constantFrom<Json>("A", "a", 1, "1", true, "true", null, "a,b=c", "../x"),
    );
    const one = fc.record({
      path: fc.array(fc.constantFrom("x", "y", "X"), { minLength: 1, maxLength: 2 }),
      value,
    });
    const overrides = fc.array(one, { minLength: 1, maxLength: 3 }).map((list) =>
      list.map((item): Override => ({
        kind: "value",
        group: "g",
        option: null,
        adds: false,
        ...item,
      })),
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
      { numRuns: 500 },
    );
    expect(variantName([resolve("style=other"), resolve("paper.width=64")])).toBe(
      "paper.width=64,style=other",
    );
  });
});

describe("choices", () => {
  it("are split at the commas between values, never within one", () => {
    const item = json.map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 5 }), (items) => {
        expect(splitChoices(items.join(","))).toEqual(items);
        expect(splitChoices(items.join(" , "))).toEqual(items);
      }),
    );
  });

  it.each([
    ["a,b", ["a", "b"]],
    ["'a,b',c", ["'a,b'", "c"]],
    ["don't,do", ["don't", "do"]],
    ["[1,2],{a: 1, b: 2}", ["[1,2]", "{a: 1, b: 2}"]],
    ["[1,2", ["[1,2"]],
    ["", [""]],
    ["a,", ["a", ""]],
  ])("of %s", (text, expected) => {
    expect(splitChoices(text)).toEqual(expected);
  });
});
