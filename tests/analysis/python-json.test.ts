import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNatively } from "../../src/analysis/python-json/native-parse.ts";
import { parseByHand, parsePythonJson } from "../../src/analysis/python-json/parse.ts";
import { pyFloat, pyObject, type PyJson } from "../../src/analysis/python-json/value.ts";
import { writePythonJson } from "../../src/analysis/python-json/write.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { python } from "./python.ts";

const REWRITE = "import json, sys; json.dump(json.load(sys.stdin), sys.stdout, indent=2)";

const text = fc.string({
  // Whole and halved surrogate pairs, everything with a short escape, and plain characters.
  unit: fc.constantFrom(
    "a",
    "Z",
    "0",
    " ",
    ".",
    '"',
    "\\",
    "/",
    "\n",
    "\r",
    "\t",
    "\b",
    "\f",
    "\u0000",
    "\u007f",
    "é",
    "€",
    "\ud83d\ude00",
    "\ud800",
  ),
});

const doubles = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 1e-8, max: 1e-2 }),
  fc.integer().map((value) => value / 16),
  fc.integer({ min: -330, max: 308 }).map((exponent) => Number(`1e${exponent}`)),
);

const { json } = fc.letrec<{ json: PyJson; leaf: PyJson }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    tie("leaf"),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.array(fc.tuple(text, tie("json")), { maxLength: 4 }).map((entries) => pyObject(entries)),
  ),
  leaf: fc.oneof(
    fc.constantFrom<PyJson>(null, true, false),
    fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 80n }),
    text,
    doubles.map(pyFloat),
  ),
}));

/** Documents of pieces that mean something to a parser, in and out of strings, whole or not. */
const pieces = fc.array(
  fc.constantFrom(
    '"',
    '"a"',
    '"b": ',
    '"10":',
    ":",
    ",",
    ", ",
    "[",
    "]",
    "{",
    "}",
    " ",
    "\n",
    "\\",
    "-",
    "0",
    "-0",
    "7",
    "1.5",
    "-0.0",
    "2e9",
    "1E-7",
    "9007199254740993",
    "1.",
    ".5",
    "e",
    "01",
    "null",
    "true",
    "NaN",
    '"float"',
    "__proto__",
    "\u009f",
    "\\u009f",
    "(bits: 8.0)",
  ),
  { maxLength: 12 },
);
const documents = fc.oneof(
  pieces.map((parts) => `[${parts.join("")}]`),
  pieces.map((parts) => `{"a": ${parts.join("")}}`),
  pieces.map((parts) => `[${JSON.stringify(parts.join(""))}, 1.5]`),
  fc.tuple(json, pieces, fc.nat()).map(([value, parts, at]) => {
    const whole = writePythonJson([value, pyFloat(2.5)]);
    const position = at % (whole.length + 1);
    return whole.slice(0, position) + parts.slice(0, 2).join("") + whole.slice(position);
  }),
  json.map((value) => writePythonJson([value])),
);

describe("Python JSON", () => {
  it("reads back what it writes", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(expectValue(parsePythonJson(writePythonJson(value)))).toEqual(value);
      }),
    );
  });

  it("refuses a key that is there twice, and takes a byte order mark for what it is", () => {
    for (const source of [
      '{"a": 1, "b": 2, "a": 3}',
      '{"x": {"a": 1, "\\u0061": 1.5}}',
      '[{"a":{}, "a":{}}]',
    ]) {
      expect(expectFailure(parsePythonJson(source)).message).toContain(
        'the key "a" is there twice',
      );
    }
    expect(expectValue(parsePythonJson('\ufeff{"a": [1.5]}'))).toEqual(
      expectValue(parsePythonJson('{"a": [1.5]}')),
    );
    const text = '{"a": ":\\":", "b": {"a": "\\\\"}}';
    expect(parseNatively(text)).toEqual(expectValue(parseByHand(text)));
  });

  it("reads by the engine's parser exactly what it reads by hand, whatever the text", () => {
    let native = 0;
    fc.assert(
      fc.property(documents, (source) => {
        const quick = parseNatively(source);
        if (quick === undefined) return;
        native += 1;
        const exact = expectValue(parseByHand(source));
        expect(quick).toEqual(exact);
        expect(writePythonJson(quick)).toBe(writePythonJson(exact)); // the order of keys, too
      }),
      { numRuns: 3000 },
    );
    expect(native).toBeGreaterThan(500);
  });

  it.each([
    ['{"a": 1.5, "b": [1, -0, 2e3, 8.0], "": "x(bits: 8.0)", "c": {"float": 1}}', true],
    [' [\r\n[1.5 ,-2.25E-3\t], "\\": 1.5", "__proto__", {"__proto__": 1.5}]', true],
    ['{"a": 1, "b": 2.5}', true],
    ['{"a": 1, "a": 2.5}', false],
    ['["a, 1.5, b"]', false],
    ['["\\": 1.5, "]', false],
    ['{"10": 1, "2": 2}', false],
    ["[9007199254740993]", false],
    ["[NaN]", false],
    ["8.0", false],
    ['{"\u009f": 1}', false],
    ['{"\\u009F": 1}', false],
    [`${"[".repeat(600)}${"]".repeat(600)}`, false],
  ])("reads %s by the engine's parser: %s", (source, isNative) => {
    const quick = parseNatively(source);
    expect(quick !== undefined).toBe(isNative);
    const exact = parseByHand(source);
    if (quick !== undefined)
      expect(writePythonJson(quick)).toBe(writePythonJson(expectValue(exact)));
    expect(parsePythonJson(source)).toEqual(exact);
  });

  it("writes what Python writes", () => {
    const values = fc.sample(json, { numRuns: 500, seed: 7 });
    const written = writePythonJson(values);
    expect(python(REWRITE, written)).toBe(written);
  });

  it("lays out floats as Python's repr", () => {
    const values = fc.sample(doubles, { numRuns: 3000, seed: 11 });
    const edges = [1e-4, 9.999e-5, 1e16, 9999999999999998, 1e22, 5e-324, 1.7976931348623157e308];
    const written = writePythonJson([...values, ...edges, 0, -0].map(pyFloat));
    expect(python(REWRITE, written)).toBe(written);
    expect(writePythonJson([8, 786432, 9.399e-6].map(pyFloat))).toBe(
      "[\n  8.0,\n  786432.0,\n  9.399e-06\n]",
    );
  });

  it("keeps integers, floats and key order apart as Python does", () => {
    const source =
      '{"10": 8, "2": 8.0, "1": -0, "a": 1E2, "3": 9007199254740993, "b": [], "c": {}}';
    expect(writePythonJson(expectValue(parsePythonJson(source)))).toBe(python(REWRITE, source));
  });

  it("reads the bare words for numbers that are not finite", () => {
    const value = expectValue(parsePythonJson("[NaN, Infinity, -Infinity]"));
    expect(value).toEqual([NaN, Infinity, -Infinity].map(pyFloat));
    expect(writePythonJson(value)).toBe("[\n  NaN,\n  Infinity,\n  -Infinity\n]");
  });

  it.each([
    "",
    "{",
    "[1,]",
    '{"a" 1}',
    "{1: 2}",
    "01",
    "1.",
    "+1",
    ".5",
    '"\n"',
    '"\\x"',
    "nul",
    "1 2",
  ])("refuses %j", (source) => {
    expect(expectFailure(parsePythonJson(source)).reason).toBe("not_json");
  });

  it("accepts and refuses the same mutilated documents as Python", () => {
    const mutilated = fc
      .tuple(json, fc.nat(), fc.constantFrom("", ",", "0", "-", '"', "}", "]", ".", "e"))
      .map(([value, at, insert]) => {
        const whole = writePythonJson(value);
        const position = at % (whole.length + 1);
        return whole.slice(0, position) + insert + whole.slice(position + 1);
      });
    const sources = fc.sample(mutilated, { numRuns: 1000, seed: 13 });
    const program = `
import json, sys
def ok(text):
    try:
        json.loads(text)
        return True
    except ValueError:
        return False
print(json.dumps([ok(text) for text in json.load(sys.stdin)]))`;
    const verdicts: unknown = JSON.parse(python(program, JSON.stringify(sources)));
    expect(sources.map((source) => parsePythonJson(source).ok)).toEqual(verdicts);
  });

  it("says where the text stops being JSON", () => {
    expect(expectFailure(parsePythonJson('{\n  "a": 1,\n  oops\n}')).where).toBe("line 3");
    expect(expectFailure(parsePythonJson("[".repeat(100_000))).message).toContain("nesting");
  });
});
