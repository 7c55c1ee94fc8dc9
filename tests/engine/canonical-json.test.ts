import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { actionKey } from "../../src/keys/describe.ts";
import { canonicalJson, NotJsonError, sameJson, type Json } from "../../src/model/json.ts";
import type { ActionDescription } from "../../src/model/record.ts";

interface GoldenKey {
  readonly says: string;
  readonly key: string;
  readonly action: ActionDescription;
}

const goldenText = fs.readFileSync(new URL("golden-keys.json", import.meta.url), "utf8");
const golden = JSON.parse(goldenText) as readonly GoldenKey[];

const json = fc.jsonValue({ stringUnit: "binary" }) as fc.Arbitrary<Json>;

describe("canonical JSON", () => {
  it("is what RFC 8785 says, as another implementation understands it", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(value)).toBe(canonicalize(value));
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on the order in which keys were written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(object));
      }),
    );
  });

  it("reads back as the same value", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(JSON.parse(canonicalJson(value)) as Json)).toBe(canonicalJson(value));
      }),
    );
  });

  it("is the same for two values exactly if they are the same", () => {
    // Small values meet often; large ones are compared with a copy of themselves.
    const small = fc.jsonValue({ maxDepth: 2, stringUnit: fc.constantFrom("a", "b") });
    const pairs = fc.oneof(
      fc.tuple(small as fc.Arbitrary<Json>, small as fc.Arbitrary<Json>),
      json.map((value) => [value, JSON.parse(canonicalJson(value)) as Json] as const),
    );
    fc.assert(
      fc.property(pairs, ([one, two]) => {
        expect(sameJson(one, two)).toBe(canonicalJson(one) === canonicalJson(two));
      }),
      { numRuns: 1000 },
    );
    expect(sameJson({ a: 1, b: [0] }, { b: [-0], a: 1 })).toBe(true);
    expect(sameJson({ a: 1 }, { b: 1 })).toBe(false);
    expect(sameJson([], {})).toBe(false);
  });

  it("writes numbers as ECMAScript does, and one zero", () => {
    expect(canonicalJson([1, 1.5, 1e21, 1e-7, -0, 0.1 + 0.2])).toBe(
      "[1,1.5,1e+21,1e-7,0,0.30000000000000004]",
    );
  });

  it.each([
    ["NaN", { a: [Number.NaN] }, "a[0] is NaN"],
    ["infinity", Number.POSITIVE_INFINITY, "the value is Infinity"],
    ["an undefined field", { params: { size: undefined } }, "params.size is undefined"],
    ["a date", { at: new Date(0) }, "at is a Date"],
    ["a map", new Map(), "the value is a Map"],
    ["half a character", "\ud800", "the value is a string with half a character"],
    ["half a character in a key", { "\udc00": 1 }, "half a character"],
  ])("refuses %s instead of dropping it", (_, value, message) => {
    expect(() => canonicalJson(value as unknown as Json)).toThrow(NotJsonError);
    expect(() => canonicalJson(value as unknown as Json)).toThrow(message);
  });
});

describe("golden action keys (P13)", () => {
  it.each(golden.map(({ says, key, action }) => [says, key, action] as const))(
    "%s",
    (_, key, action) => {
      expect(actionKey(action)).toBe(key);
    },
  );

  it("are all different", () => {
    expect(new Set(golden.map(({ key }) => key)).size).toBe(golden.length);
  });

  it("are the same keys in Python", () => {
    const program = `
import hashlib, json, sys
for vector in json.load(sys.stdin):
    text = json.dumps(vector["action"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    print("sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest())
`;
    const python = spawnSync("python3", ["-X", "utf8", "-c", program], {
      input: goldenText,
      encoding: "utf8",
    });
    expect(python.stderr).toBe("");
    expect(python.stdout.trim().split("\n")).toEqual(golden.map(({ key }) => key));
  });
});
