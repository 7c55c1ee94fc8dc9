import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { lockRecordText, parseLockRecord, Records } from "../../src/host/records.ts";
import { committed, graphOf, nodeOf } from "./support/graphs.ts";
import { Folder } from "./support/folder.ts";
import { recordOf } from "./support/records.ts";

const node = nodeOf(graphOf({ makes: "out/a.md", from: ["s"] }), "out/a.md");
const open = (folder: Folder): Records =>
  new Records(folder.at("aqm.lock"), folder.at("history.jsonl"));

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

describe("the history", () => {
  it("keeps every result of a key, the latest last", () => {
    const folder = new Folder();
    const [first, second] = [recordOf(node, { out: "1" }), recordOf(node, { out: "2" })];
    const other = recordOf(node, { out: "3" }, 2);
    const records = open(folder);
    for (const record of [first, other, second]) records.addToHistory(record);
    expect(open(folder).history(first.key)).toEqual([first, second]);
    expect(open(folder).history(other.key)).toEqual([other]);
    expect(open(folder).inHistory("out/a.md")).toBe(true);
    expect(open(folder).inHistory("out/b.md")).toBe(false);
  });

  it("sees what is added after it was read", () => {
    const records = open(new Folder());
    const record = recordOf(node);
    expect(records.history(record.key)).toEqual([]);
    records.addToHistory(record);
    expect(records.history(record.key)).toEqual([record]);
  });

  it("skips a torn last line, and the next one is whole again", () => {
    const folder = new Folder();
    const [first, second] = [recordOf(node, { out: "1" }), recordOf(node, { out: "2" })];
    open(folder).addToHistory(first);
    fs.appendFileSync(folder.at("history.jsonl"), JSON.stringify(second).slice(0, 40));
    expect(open(folder).history(first.key)).toEqual([first]);
    open(folder).addToHistory(second);
    expect(open(folder).history(first.key)).toEqual([first, second]);
  });

  it.each([
    ["is empty", (path: string) => fs.writeFileSync(path, "")],
    ["is a folder", (path: string) => fs.mkdirSync(path)],
    ["is a link to itself", (path: string) => fs.symlinkSync(path, path)],
    ["has half a line", (path: string) => fs.writeFileSync(path, '{"half')],
  ])("that %s is begun anew, and that is said", (_what, damage) => {
    const folder = new Folder();
    damage(folder.at("history.jsonl"));
    const records = open(folder);
    const record = recordOf(node);
    records.addToHistory(record);
    expect(records.history(record.key)).toEqual([record]);
    const told: string[] = [];
    records.tellLosses((message) => told.push(message));
    expect(told).toEqual([expect.stringContaining(".aqm/history.jsonl")]);
  });

  it("does not believe a line whose key is not that of its action", () => {
    const folder = new Folder();
    const record = recordOf(node);
    const forged = { ...record, action: recordOf(node, {}, 2).action };
    folder.write("history.jsonl", `${JSON.stringify(forged)}\n`);
    expect(open(folder).history(record.key)).toEqual([]);
  });

  it("tells how long the runs of each op took", () => {
    const records = open(new Folder());
    records.addToHistory(recordOf(node));
    records.addToHistory(recordOf(node, {}, 2));
    expect(records.durations()).toEqual(new Map([["ops/copy.ts", [2, 2]]]));
  });
});
