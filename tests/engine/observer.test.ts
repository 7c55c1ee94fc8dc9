import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { includeFilter } from "../../src/graph/include.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { hashFile, Observer, type Place } from "../../src/host/observe/observer.ts";
import { StatCache } from "../../src/host/observe/stat-cache.ts";
import { digestOfBytes } from "../../src/model/digest.ts";
import type { Observation } from "../../src/plan/knowledge.ts";
import { Folder } from "./support/folder.ts";

const look = (folder: Folder, place: Place): Promise<Observation> =>
  new Observer(folder.path, new StatCache(folder.at("stat-cache")), new Evidence()).observe(place);
const file = (path: string): Place => ({ path, kind: "file" });
const dir = (path: string, ...include: readonly string[]): Place => ({
  path,
  kind: "folder",
  ...(include.length > 0 ? { include } : {}),
});
/** The documented canonical form of a folder. */
const listed = (files: Readonly<Record<string, string>>) =>
  digestOfBytes(
    JSON.stringify(Object.entries(files).map(([path, text]) => [path, digestOfBytes(text)])),
  );

describe("files", () => {
  it("are their bytes, through links too", async () => {
    const folder = new Folder({ a: "hello" });
    fs.symlinkSync("a", folder.at("link"));
    const found = { state: "present", digest: digestOfBytes("hello"), size: 5 };
    expect(await look(folder, file("a"))).toEqual(found);
    expect(await look(folder, file("link"))).toEqual(found);
  });

  it("may be missing, or something else", async () => {
    const folder = new Folder({ "d/a": "", f: "" });
    fs.symlinkSync("nowhere", folder.at("dangling"));
    expect(await look(folder, file("none"))).toEqual({ state: "missing" });
    expect(await look(folder, file("dangling"))).toEqual({ state: "missing" });
    expect(await look(folder, file("d"))).toEqual({
      state: "unreadable",
      error: "d is not a file",
    });
    expect(await look(folder, dir("f"))).toEqual({
      state: "unreadable",
      error: "f is not a folder",
    });
  });

  it("that link to themselves are unreadable", async () => {
    const folder = new Folder();
    fs.symlinkSync("b", folder.at("a"));
    fs.symlinkSync("a", folder.at("b"));
    expect(await look(folder, file("a"))).toMatchObject({
      state: "unreadable",
      error: expect.stringContaining("ELOOP") as string,
    });
  });

  it("are not read again while the stat cache knows them", async () => {
    const folder = new Folder({ a: "hello" });
    fs.utimesSync(folder.at("a"), 1, 1);
    const cache = new StatCache(folder.at("stat-cache"));
    const stat = fs.statSync(folder.at("a"));
    const known = digestOfBytes("what the cache says");
    cache.remember("a", stat, known, stat.ctimeMs + 10_000);
    const found = await new Observer(folder.path, cache, new Evidence()).observe(file("a"));
    expect(found).toMatchObject({ digest: known });
  });

  it("that are large are hashed in pieces, with progress", async () => {
    const bytes = new Uint8Array(17 * 1024 * 1024).map((_, i) => i % 251);
    const folder = new Folder({ big: bytes });
    const steps: number[] = [];
    const digest = await hashFile(folder.at("big"), bytes.length, (done) => steps.push(done));
    expect(digest).toBe(digestOfBytes(bytes));
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.length).toBeGreaterThan(2);
    expect(steps.at(-1)).toBe(bytes.length);
  });
});

describe("folders", () => {
  it("are the sorted list of their files, at any depth", async () => {
    const folder = new Folder({ "d/b": "2", "d/a": "1", "d/sub/c": "3", "d/B": "4" });
    expect(await look(folder, dir("d"))).toEqual({
      state: "present",
      digest: listed({ B: "4", a: "1", b: "2", "sub/c": "3" }),
      size: 4,
    });
  });

  it("do not depend on where they are or when they were written", async () => {
    const one = new Folder({ "x/a": "1", "x/b": "2" });
    const two = new Folder({ "y/z/b": "2", "y/z/a": "1" });
    fs.utimesSync(two.at("y/z/a"), 1, 1);
    expect(await look(one, dir("x"))).toEqual(await look(two, dir("y/z")));
  });

  it("take in only what matches", async () => {
    const folder = new Folder({ "d/a.txt": "1", "d/b.bin": "2", "d/sub/c.txt": "3" });
    expect(await look(folder, dir("d", "*.txt"))).toMatchObject({
      digest: listed({ "a.txt": "1" }),
    });
    expect(await look(folder, dir("d", "**/*.txt"))).toMatchObject({
      digest: listed({ "a.txt": "1", "sub/c.txt": "3" }),
    });
  });

  it("may be empty, but patterns that nothing in it matches are a mistake", async () => {
    const folder = new Folder({ "d/a.txt": "1", "e/x": "" });
    folder.remove("e/x");
    expect(await look(folder, dir("e"))).toMatchObject({ state: "present", digest: listed({}) });
    expect(await look(folder, dir("d", "*.bin"))).toEqual({
      state: "unreadable",
      error: "nothing in it matches *.bin",
    });
    expect(await look(folder, dir("none"))).toEqual({ state: "missing" });
  });

  it("with a dangling link are half a download: unreadable", async () => {
    const folder = new Folder({ "d/a": "1" });
    fs.symlinkSync("blobs/none", folder.at("d/b"));
    expect(await look(folder, dir("d"))).toEqual({
      state: "unreadable",
      error: "b in it is gone, or a dangling link",
    });
    expect(await look(folder, dir("d", "a"))).toMatchObject({ state: "present" });
  });

  it("may hold names with the replacement character: only what is no UTF-8 is refused", async () => {
    const folder = new Folder({ "d/\ufffd": "1" });
    expect(await look(folder, dir("d"))).toMatchObject({ digest: listed({ "\ufffd": "1" }) });
    const bytes = Buffer.concat([Buffer.from(`${folder.at("d")}/`), Buffer.from([0xff])]);
    try {
      fs.writeFileSync(bytes, "2");
    } catch {
      return; // this file system refuses such names itself
    }
    expect(await look(folder, dir("d"))).toEqual({
      state: "unreadable",
      error: "a name in it is not UTF-8: \u00ff (read as Latin-1)",
    });
  });

  it("that link back to themselves are unreadable, others may be linked twice", async () => {
    const folder = new Folder({ "d/sub/a": "1" });
    fs.symlinkSync("sub", folder.at("d/again"));
    expect(await look(folder, dir("d"))).toMatchObject({
      digest: listed({ "again/a": "1", "sub/a": "1" }),
    });
    fs.symlinkSync("..", folder.at("d/sub/up"));
    expect(await look(folder, dir("d"))).toMatchObject({
      state: "unreadable",
      error: expect.stringContaining("links back to itself") as string,
    });
  });
});

describe("include patterns", () => {
  it.each([
    ["*.json", ["a.json", ".json"], ["x/a.json", "a.jsonx", "axjson"]],
    ["?.txt", ["a.txt"], ["ab.txt", "/.txt"]],
    ["sub/*", ["sub/a"], ["sub/x/a", "a"]],
    ["sub/**", ["sub/a", "sub/x/y/a"], ["a", "sub"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["b", "a/xb"]],
    ["**/*.py", ["a.py", "x/a.py", "x/y/a.py"], ["a.pyc"]],
    ["a+(b).txt", ["a+(b).txt"], ["aab.txt"]],
  ])("%s", (pattern, yes, no) => {
    const accepts = includeFilter([pattern]);
    for (const path of yes) expect(accepts(path), path).toBe(true);
    for (const path of no) expect(accepts(path), path).toBe(false);
  });

  it("take everything when there are none, and what any of several takes", () => {
    expect(includeFilter(undefined)("any/thing")).toBe(true);
    const accepts = includeFilter(["a", "b"]);
    expect([accepts("a"), accepts("b"), accepts("c")]).toEqual([true, true, false]);
  });
});
