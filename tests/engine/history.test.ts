import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { History } from "../../src/host/records/history.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import { Folder } from "./support/folder.ts";
import { graphOf, nodeOf } from "./support/graphs.ts";
import { recordOf } from "./support/records.ts";

const node = nodeOf(graphOf({ makes: "out/a.md", from: ["s"] }), "out/a.md");
const open = (folder: Folder): History => new History(folder.at("history"));

/** The one file that there is. */
const shelfOf = (folder: Folder): string =>
  folder.at(`history/${fs.readdirSync(folder.at("history")).join()}`);

describe("the history", () => {
  it("keeps every result of a key, the latest last", () => {
    const folder = new Folder();
    const [first, second] = [recordOf(node, { out: "1" }), recordOf(node, { out: "2" })];
    const other = recordOf(node, { out: "3" }, 2);
    const history = open(folder);
    for (const record of [first, other, second]) history.add(record);
    expect(open(folder).ofKey("out/a.md", first.key)).toEqual([first, second]);
    expect(open(folder).ofKey("out/a.md", other.key)).toEqual([other]);
    expect(open(folder).has("out/a.md")).toBe(true);
    expect(open(folder).has("out/b.md")).toBe(false);
  });

  it("sees what is added after it was read", () => {
    const history = open(new Folder());
    const record = recordOf(node);
    expect(history.ofKey("out/a.md", record.key)).toEqual([]);
    history.add(record);
    expect(history.ofKey("out/a.md", record.key)).toEqual([record]);
  });

  it("skips a torn last line, and the next one is whole again", () => {
    const folder = new Folder();
    const [first, second] = [recordOf(node, { out: "1" }), recordOf(node, { out: "2" })];
    open(folder).add(first);
    fs.appendFileSync(shelfOf(folder), JSON.stringify(second).slice(0, 40));
    expect(open(folder).ofKey("out/a.md", first.key)).toEqual([first]);
    open(folder).add(second);
    expect(open(folder).ofKey("out/a.md", first.key)).toEqual([first, second]);
  });

  it("does not believe a line whose key is not that of its action", () => {
    const folder = new Folder();
    const record = recordOf(node);
    const forged = { ...record, action: recordOf(node, {}, 2).action };
    const text = JSON.stringify(forged);
    open(folder).add(record);
    fs.writeFileSync(shelfOf(folder), `${text}\t${digestOfBytes(text)}\n`);
    expect(open(folder).ofKey("out/a.md", record.key)).toEqual([]);
  });

  it("hands out every run", () => {
    const history = open(new Folder());
    history.add(recordOf(node));
    history.add(recordOf(node, {}, 2));
    expect(history.all().map(({ action }) => action.op.version)).toEqual([1, 2]);
  });

  it.each([
    ["torn", (text: string) => text.slice(0, -3), "1 of 1"],
    ["with a flipped bit", (text: string) => text.replace('"schema":1', '"schema":3'), "1 of 1"],
    ["empty", () => "", "0 of 0"],
    ["with a whole line and others", (text: string) => `${text}garbage\nmore\n`, "2 of 3"],
  ])("tells what was lost when a file of it is %s, and writes it anew", (_, damage, lost) => {
    const folder = new Folder();
    const record = recordOf(node);
    open(folder).add(record);
    fs.writeFileSync(shelfOf(folder), damage(fs.readFileSync(shelfOf(folder), "utf8")));
    const told: string[] = [];
    const history = open(folder);
    history.ofKey("out/a.md", record.key);
    history.add(record);
    history.tellLosses((message) => told.push(message));
    expect(told).toEqual([expect.stringContaining(`${lost} results are lost`) as string]);
    const mended = open(folder);
    mended.tellLosses((message) => expect.fail(message));
    expect(mended.ofKey("out/a.md", record.key).at(-1)).toEqual(record);
  });
});
