import { describe, expect, it } from "vitest";
import { lockRecordText, parseLockRecord, Records } from "../../src/host/records/records.ts";
import { committed, graphOf, nodeOf } from "./support/graphs.ts";
import { Folder } from "./support/folder.ts";
import { recordOf } from "./support/records.ts";

const node = nodeOf(graphOf({ makes: "out/a.md", from: ["s"] }), "out/a.md");
const open = (folder: Folder): Records => new Records(folder.at("aqm.lock"));

describe("lock records", () => {
  it("are one file a target, and read back as they were written", () => {
    const folder = new Folder();
    const record = recordOf(node);
    open(folder).write(record);
    expect(folder.exists("aqm.lock/out/a.md.json")).toBe(true);
    expect(open(folder).record(node)).toEqual(record);
  });

  it("are absent for what was never built", () => {
    expect(open(new Folder()).record(node)).toBeNull();
  });

  it("have sorted keys and one value a line, so that branches merge", () => {
    const text = lockRecordText(recordOf(node));
    const keys = [...text.matchAll(/^ {2}"(\w+)":/gm)].map(([, key]) => key);
    expect(keys).toEqual([...keys].sort());
    expect(keys).toContain("outputs");
    expect(text.endsWith("}\n")).toBe(true);
    expect(parseLockRecord(text)).toEqual(recordOf(node));
  });

  it.each([
    ["torn", (text: string) => text.slice(0, text.length / 2)],
    ["in the middle of a merge", (text: string) => `<<<<<<< HEAD\n${text}`],
    ["null", () => "null"],
    ["a list", () => "[]"],
    ["of another key", (text: string) => text.replace(/("key": "sha256:)..../, "$10000")],
    ["of another action", (text: string) => text.replace('"version": 1', '"version": 2')],
  ])("that are damaged (%s) are ignored and reported", (_, damage) => {
    const folder = new Folder({ "aqm.lock/out/a.md.json": damage(lockRecordText(recordOf(node))) });
    const records = open(folder);
    expect(records.record(node)).toBeNull();
    expect(records.damaged).toEqual([folder.at("aqm.lock/out/a.md.json")]);
  });

  it.each([
    ["its target", { target: "../out/a.md" }],
    ["an output", { outputs: { out: { ...recordOf(node).outputs["out"], path: "/etc/a.md" } } }],
    ["an input", { input_paths: { s: "../../s" } }],
  ])("that name a place outside of the workspace as %s are no records", (_, forged) => {
    const record = { ...recordOf(node), ...forged } as ReturnType<typeof recordOf>;
    expect(parseLockRecord(lockRecordText(record))).toBeNull();
  });

  it("that lack an output declared since are merely old, not damaged", () => {
    const folder = new Folder();
    open(folder).write(recordOf(node));
    const now = nodeOf(
      graphOf({ makes: { out: committed("out/a.md"), more: committed("out/b.md") }, from: ["s"] }),
      "out/a.md",
    );
    const records = open(folder);
    expect(records.record(now)).toBeNull();
    expect(records.damaged).toEqual([]);
  });
});
