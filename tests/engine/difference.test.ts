import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { differences, type Difference } from "../../src/keys/difference.ts";
import { canonicalJson, type Json, type JsonObject } from "../../src/model/json.ts";
import { runs } from "../rig/wide.ts";

/** Keys that collide often, and those that every object seems to have. */
const key = fc.constantFrom("a", "b", "0", "1", "src/a.ts", "constructor", "toString", "length");
const { value } = fc.letrec<{ value: Json; leaf: Json }>((tie) => ({
  leaf: fc.constantFrom<Json>(null, true, 0, 1, "", "x"),
  value: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    tie("leaf"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(key, tie("value"), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

/** Puts every new value in its place; what is absent now goes. */
function apply(before: Json, found: readonly Difference[]): Json {
  const whole = found.find(({ path }) => path.length === 0);
  if (whole !== undefined) return whole.new ?? null;
  const root = structuredClone(before) as Record<string, Json>;
  for (const { path, new: now } of found) {
    let place = root;
    for (const part of path.slice(0, -1)) place = place[part] as Record<string, Json>;
    const last = path.at(-1) ?? "";
    if (now !== undefined) place[last] = now;
    else if (Array.isArray(place)) place.length = Math.min(place.length, Number(last));
    else Reflect.deleteProperty(place, last);
  }
  return root;
}

describe("differences", () => {
  it("are none between a value and itself", () => {
    fc.assert(
      fc.property(value, (a) => {
        expect(differences(a, structuredClone<Json>(a))).toEqual([]);
      }),
    );
  });

  it("cannot disagree with the hash: none exactly when the canonical texts are equal", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(differences(a, b).length === 0).toBe(canonicalJson(a) === canonicalJson(b));
      }),
      { numRuns: runs(2000) },
    );
  });

  it("are the whole story: applied to the old value they give the new one", () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        expect(canonicalJson(apply(a, differences(a, b)))).toBe(canonicalJson(b));
      }),
      { numRuns: runs(2000) },
    );
  });

  it("name the leaf, and what was there", () => {
    const before: JsonObject = {
      params: { size: 8 },
      op: { sources: { "src/a.ts": "1" } },
      list: [1],
    };
    const after: JsonObject = { params: { size: 9 }, op: { sources: {} }, list: [1, 2] };
    expect(differences(before, after)).toEqual([
      { field: "params.size", path: ["params", "size"], old: 8, new: 9 },
      {
        field: 'op.sources["src/a.ts"]',
        path: ["op", "sources", "src/a.ts"],
        old: "1",
        new: undefined,
      },
      { field: "list[1]", path: ["list", "1"], old: undefined, new: 2 },
    ]);
  });

  it("tell a list from an object and null from nothing", () => {
    expect(differences([], {})).toHaveLength(1);
    expect(differences({ a: null }, {})).toHaveLength(1);
  });
});
