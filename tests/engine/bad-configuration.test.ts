import * as fs from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { fits } from "../../src/host/aqmfile/bounded-check.ts";
import { readConfiguration } from "../../src/host/aqmfile/configuration-reader.ts";
import type { Failure } from "../../src/model/failure.ts";
import { WIDE } from "../rig/wide.ts";
import { Folder } from "./support/folder.ts";

/** What is wrong with `conf/size/a.yaml`, whose schema lets everything through. */
function mistakes(text: string | Uint8Array): readonly Failure[] {
  const folder = new Folder({ "conf/schema/size.schema.json": "{}", "conf/size/a.yaml": text });
  const read = readConfiguration({ own: folder.at("conf"), defaults: null });
  return read.ok ? [] : read.error;
}

function valueOf(text: string): unknown {
  const folder = new Folder({ "conf/schema/size.schema.json": "{}", "conf/size/a.yaml": text });
  const read = readConfiguration({ own: folder.at("conf"), defaults: null });
  if (!read.ok) throw new Error(JSON.stringify(read.error));
  return read.value["size"]?.["a"];
}

describe("a config never reaches an op as something else than it says", () => {
  it.each([
    [".inf", ".inf is no number that JSON can hold"],
    ["-.inf", "-.inf is no number that JSON can hold"],
    [".nan", ".nan is no number that JSON can hold"],
    ["1e400", "1e400 is no number that JSON can hold"],
    ["1e-400", "1e-400 is too small to be held"],
    [String(2n ** 53n + 1n), "9007199254740993 is too large to be held exactly"],
    ["-9007199254740993", "-9007199254740993 is too large to be held exactly"],
    ["0x20000000000001", "0x20000000000001 is too large to be held exactly"],
    ["0.1234567890123456789", "0.1234567890123456789 has more digits than a number holds"],
    ["&name 1", "&name names a value"],
    ["!!binary aGVsbG8=", "The tag tag:yaml.org,2002:binary makes something else"],
    ["!!timestamp 2001-01-01", "The tag tag:yaml.org,2002:timestamp makes something else"],
    ["!mine 1", "is not valid YAML: Unresolved tag: !mine"],
    ["!!set { a, b }", "The tag tag:yaml.org,2002:set makes something else"],
    ["!!omap [a: 1]", "The tag tag:yaml.org,2002:omap makes something else"],
  ])("value: %s", (value, message) => {
    const [failure] = mistakes(`# first\nok: 1\nvalue: ${value}\n`);
    expect(failure?.message).toContain(message);
    expect(failure?.place).toMatchObject({ file: "conf/size/a.yaml", line: 3 });
    expect(failure?.nextStep).not.toBe("");
  });

  it.each([
    ["twice: 1\ntwice: 2\n", 2, "Map keys must be unique"],
    ["a: &x { b: 1 }\nc: *x\n", 1, "&x names a value"],
    ["a: { b: 1 }\nc:\n  <<: { b: 2 }\n", 3, "<< merges nothing"],
    ["a: 1\n2: b\n", 2, "2 is a key that is not text"],
    ["a: 1\ntrue: b\n", 2, "true is a key that is not text"],
    ["a: 1\n? [x]\n: b\n", 2, "A key must be text"],
    ["a: 1\n__proto__: b\n", 2, "__proto__ is not a key"],
    ["a: 1\nconstructor: b\n", 2, "constructor is not a key"],
    ["%YAML 1.1\n---\na: yes\n", 1, "A %YAML directive changes what values mean"],
    ["a: 1\n---\nb: 2\n", 2, "multiple documents"],
    ["just text\n", 1, "must hold keys and values"],
  ])("%j", (text, line, message) => {
    const [failure] = mistakes(text);
    expect(failure?.message).toContain(message);
    expect(failure?.place).toMatchObject({ file: "conf/size/a.yaml", line });
  });

  it("what other YAMLs read as dates, truth or numbers stays the text it is", () => {
    expect(valueOf("a: 2001-12-14\nb: yes\nc: 1:30\nd: 0o17\ne: 1_000\nf: off\n")).toEqual({
      a: "2001-12-14",
      b: "yes",
      c: "1:30",
      d: 15,
      e: "1_000",
      f: "off",
    });
  });

  it("numbers that JSON holds are taken as they are", () => {
    const text =
      "a: 9007199254740991\nb: 0.1\nc: 1.7976931348623157e308\nd: -5e-324\ne: 1e21\nf: 0x10\n";
    expect(valueOf(text)).toEqual({
      a: 2 ** 53 - 1,
      b: 0.1,
      c: Number.MAX_VALUE,
      d: -5e-324,
      e: 1e21,
      f: 16,
    });
  });

  it("bytes that are no UTF-8 are refused, not replaced", () => {
    expect(mistakes(Buffer.from([0x61, 0x3a, 0x20, 0xe9, 0x0a]))[0]).toMatchObject({
      message: "conf/size/a.yaml cannot be read",
      cause: "it is not UTF-8 text",
      place: { file: "conf/size/a.yaml" },
    });
  });

  it("nesting without end, and more aliases than anybody writes, end in a failure", () => {
    expect(mistakes(`a: ${"[".repeat(20_000)}`).length).toBeGreaterThan(0);
    const bomb = [
      "a0: &a0 [x]",
      ...[...Array(30).keys()].map((i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
    ];
    expect(mistakes(bomb.join("\n"))[0]?.message).toContain("names a value");
  });

  it("a folder, or a link that leads nowhere, in a config's place is named", () => {
    const folder = new Folder({ "conf/schema/size.schema.json": "{}", "conf/size/a.yaml/x": "" });
    fs.symlinkSync("nowhere", folder.at("conf/size/b.yaml"));
    const read = readConfiguration({ own: folder.at("conf"), defaults: null });
    expect(read.ok ? [] : read.error.map(({ message }) => message)).toEqual([
      "conf/size/a.yaml cannot be read",
      "conf/size/b.yaml cannot be read",
    ]);
  });

  it("a pattern that tries for ever is stopped", () => {
    const endless = new Ajv2020().compile({ pattern: "^(a+)+$" });
    expect(fits(endless, `${"a".repeat(40)}!`, 10)).toBeNull();
    expect(fits(endless, "aa", 10_000)).toBe(true);
  });

  it.runIf(WIDE)("a pattern that tries for ever is stopped after five seconds, and named", () => {
    const endless = JSON.stringify({ properties: { a: { type: "string", pattern: "^(a+)+$" } } });
    const folder = new Folder({
      "conf/schema/size.schema.json": endless.replace("{", '{"type":"object",'),
      "conf/size/a.yaml": `a: "${"a".repeat(40)}!"\n`,
    });
    const read = readConfiguration({ own: folder.at("conf"), defaults: null });
    expect(read.ok ? [] : read.error).toMatchObject([
      {
        message: expect.stringContaining("conf/size/a.yaml cannot be checked") as string,
        nextStep: expect.stringContaining("conf/schema/size.schema.json") as string,
      },
    ]);
  });

  it("values of any depth that can be read have a bound", () => {
    const [deep] = mistakes(`a: ${"[".repeat(500)}${"]".repeat(500)}\n`);
    expect(deep?.message).toMatch(/nested deeper/);
    expect(mistakes(`a: ${"[".repeat(90)}${"]".repeat(90)}\n`)).toEqual([]);
  });
});
