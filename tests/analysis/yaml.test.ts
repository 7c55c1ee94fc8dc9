import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { yamlText, type YamlValue } from "../../src/analysis/index.ts";

const text = fc.oneof(
  fc.string(),
  fc.constantFrom(
    "yes",
    "NO",
    "null",
    "~",
    "1e3",
    "0o7",
    "2026-01-01",
    "a: b",
    "# c",
    "- d",
    "1_000",
    "=",
    "<<",
    "max_length",
    ".5",
    "*x",
    "/",
  ),
);
const value = fc.letrec<{ any: YamlValue; map: Record<string, YamlValue> }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("any"), { maxLength: 4 }),
    tie("map"),
  ),
  map: fc.dictionary(
    text.filter((key) => key !== "__proto__"),
    tie("any"),
    { maxKeys: 5, noNullPrototype: true },
  ),
})).map;

describe("a config as YAML", () => {
  it("is read back as the same values", () => {
    fc.assert(
      fc.property(value, (data) => {
        expect(parse(yamlText(data))).toEqual(data);
        expect(Object.keys(parse(yamlText(data)) as object)).toEqual(Object.keys(data));
      }),
      { numRuns: 500 },
    );
  });

  it.runIf(process.env["AQM_TEST_PYTHON"])("is read as the same by PyYAML", () => {
    const python = process.env["AQM_TEST_PYTHON"] ?? "";
    const data = fc.sample(value, { numRuns: 200, seed: 7 });
    const read =
      "import json,sys,yaml; print(json.dumps([yaml.safe_load(t) for t in json.load(sys.stdin)]))";
    const done = spawnSync(python, ["-c", read], {
      input: JSON.stringify(data.map((value) => yamlText(value))),
      encoding: "utf8",
    });
    expect(done.stderr).toBe("");
    expect(JSON.parse(done.stdout)).toEqual(data);
  });

  it("looks as a person would write it", () => {
    const data = {
      model: { name: "x_1", path: "a/b.c" },
      list: [{ enable: true, cfg: { axis: 0 } }, [1, 2]],
      none: {},
      rate: 1e-7,
    };
    expect(yamlText(data)).toBe(
      "model:\n  name: x_1\n  path: a/b.c\nlist:\n- enable: true\n  cfg:\n    axis: 0\n- - 1\n  - 2\nnone: {}\nrate: 1.0e-7\n",
    );
  });
});
