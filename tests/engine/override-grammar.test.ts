import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { overrideText, type Override } from "../../src/declare/override/override.ts";
import { canonicalJson, type Json } from "../../src/model/json.ts";
import { choices, part, refusal, resolve, value } from "./support/overrides.ts";

describe("an override", () => {
  it("that is printed is read as what it was, whatever its key and value hold", () => {
    const option = fc.constantFrom(null, "plain", "other");
    const override = fc.oneof(
      fc.record({
        kind: fc.constant("value" as const),
        group: fc.constant("style"),
        option,
        path: fc.array(part, { minLength: 1, maxLength: 3 }),
        value,
        adds: fc.boolean(),
      }),
      fc.record(
        {
          kind: fc.constant("removal" as const),
          group: fc.constant("style"),
          option,
          path: fc.array(part, { minLength: 1, maxLength: 3 }),
          expected: value,
        },
        { requiredKeys: ["kind", "group", "option", "path"] },
      ),
    );
    fc.assert(
      fc.property(override, (one: Override) => {
        expect(resolve(overrideText(one))).toEqual(one);
      }),
      { numRuns: 1000 },
    );
    expect(resolve("paper=a5.old")).toEqual({ kind: "option", group: "paper", option: "a5.old" });
    expect(resolve("paper/a5\\.old.width=1")).toMatchObject({ option: "a5.old", path: ["width"] });
  });

  it.each<[string, Json]>([
    ["64", 64],
    ["-0.5", -0.5],
    ["1_000", 1000],
    ["1e-3", 0.001],
    ["true", true],
    ["FALSE", false],
    ["yes", "yes"],
    ["'64'", "64"],
    ["6\\4", "6\\4"],
    ['"a=b, c"', "a=b, c"],
    ['"the path is C:\\\\\\"some folder\\"\\\\"', 'the path is C:\\"some folder"\\'],
    ["'it\\'s \\n'", "it's \\n"],
    ["max_length", "max_length"],
    ["[1, a, 'b,c', [x: y, \\]]]", [1, "a", "b,c", ["x: y", "]"]]],
    ["{lm: 8, a b: {c: [d], 'e:f': g:h}}", { lm: 8, "a b": { c: ["d"], "e:f": "g:h" } }],
    ["[]", []],
    ["{}", {}],
    ["", ""],
    ["  hello world  ", "hello world"],
    ["\\ x\\ ", " x "],
    ["job\\{a\\=1\\,b\\}", "job{a=1,b}"],
    ["#fff", "#fff"],
    ["a #b", "a #b"],
    ["don't", "don't"],
    ["a=b", "a=b"],
    ["!tag", "!tag"],
    ["&a", "&a"],
    ["http://x/?y", "http://x/?y"],
    ["null", null],
    ["choice(a)", "a"],
  ])("has the type that Hydra gives it: %s", (text, expected) => {
    expect(resolve(`style.loud=${text}`)).toMatchObject({ value: expected });
  });

  it.each<[string, string]>([
    ["[1,2", "[ is never closed (character 1)"],
    ["[1,,2]", "an item is empty (character 4)"],
    ["[1,]", "an item is empty"],
    ["{a}", "the key a has no value"],
    ["{a:}", "an item is empty"],
    ["{a: 1, a: 2}", "the key a is there twice"],
    ["{1: a}", "1 is a key that is not text"],
    ["{__proto__: 1}", "__proto__ is not a key"],
    ["{a: {constructor: 1}}", "constructor is not a key"],
    ["a,,b", "an item is empty (character 3)"],
    ["a,", "an item is empty"],
    [",", "an item is empty"],
    ["'a", "' is never closed"],
    ["'a'b", "b is not expected here"],
    ["a[1]", "[ is not expected here"],
    ["a]", "] is not expected here"],
    ["(a)", "( is not expected here"],
    ["a\nb", "a control character"],
    ["${x}", "an interpolation, which aqm does not have"],
    ["inf", "inf is not a value"],
    ["~", "~ is not a value"],
    ["0x10", "0x10 is not a value"],
    ["012", "012 is not a value"],
    ["12345678901234567890", "is too large to be held exactly"],
    ["1e999", "is no number that JSON can hold"],
    ["glob(*)", "glob(…) is a function of Hydra that aqm does not have"],
    ["interval(0,1)", "write range(start,stop,step)"],
    ["int(3)", "Write the number."],
    ["ranje(1,4)", "Did you mean range?"],
    ["[range(1,4)]", "range(…) cannot be part of a value"],
    ["range(1,4),5", "A function cannot be one of several values"],
    ["range(1,4,0)", "the step is 0"],
    ["range(4,1)", "it holds no number"],
    ["range(a)", "stop is not a number"],
    ["range(1,2,3,4)", "too many arguments"],
    ["range(0,1,1e-9)", "more than 10000"],
    ["choice()", "choice() has no values"],
    ["[".repeat(101), "more than 100 levels"],
  ])("is refused with the place and the way out: %s", (text, what) => {
    const said = refusal(`style.loud=${text}`);
    expect(said).toContain(what);
    expect(said).toContain("style.loud=");
  });

  it("is refused when it is nested without end, and no stack ends", () => {
    for (const deep of ["[", "{a:", "choice("]) {
      expect(refusal(`style.loud=${deep.repeat(100_000)}`)).toContain("more than 100 levels");
    }
  });
});

describe("the values of a sweep", () => {
  const texts = (text: string): readonly string[] =>
    choices(text).map((choice) =>
      choice.kind === "coordinate" ? choice.value : overrideText(choice.override),
    );

  it("are split at the commas between values, never within one", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(value, { minLength: 1, maxLength: 5, selector: canonicalJson }),
        (list) => {
          const items = list.map((item): Override => ({
            kind: "value",
            group: "style",
            option: null,
            path: ["loud"],
            value: item,
            adds: false,
          }));
          const written = items.map((item) => overrideText(item).replace("style.loud=", ""));
          for (const comma of [",", " , "]) {
            const read = choices(`style.loud=${written.join(comma)}`);
            expect(read).toEqual(items.map((override) => ({ kind: "override", override })));
          }
        },
      ),
    );
  });

  it.each<[string, readonly string[]]>([
    ["style.loud=a,b,a", ["style.loud=a", "style.loud=b"]],
    ["style.loud='a,b',c", ['style.loud="a,b"', "style.loud=c"]],
    ["style.loud=don't,do", ['style.loud="don\'t"', "style.loud=do"]],
    ["style.loud=a,''", ["style.loud=a", 'style.loud=""']],
    ["style.loud=[1,2],{a: 1, b: 2}", ["style.loud=[1,2]", "style.loud={a:1,b:2}"]],
    ["style.loud=choice(a,[1,2])", ["style.loud=a", "style.loud=[1,2]"]],
    ["style.loud=range(1,4)", ["style.loud=1", "style.loud=2", "style.loud=3"]],
    ["style.loud=range(2)", ["style.loud=0", "style.loud=1"]],
    ["style.loud=range(start=3,stop=1,step=-1)", ["style.loud=3", "style.loud=2"]],
    ["style.loud=range(1, stop=3)", ["style.loud=1", "style.loud=2"]],
    ["style.loud=range(0,0.3,0.1)", ["style.loud=0", "style.loud=0.1", "style.loud=0.2"]],
    ["style=*", ["style=bare", "style=other", "style=plain"]],
    ["tone=l*,calm", ["loud", "low", "calm"]],
    ["tone='calm'", ["calm"]],
  ])("of %s", (text, expectedTexts) => {
    expect(texts(text)).toEqual(expectedTexts);
  });
});
