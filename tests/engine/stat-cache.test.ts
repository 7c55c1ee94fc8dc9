import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { digestOfBytes } from "../../src/model/digest.ts";
import { disk } from "../../src/host/disk/disk.ts";
import { StatCache } from "../../src/host/observe/stat-cache.ts";
import { Folder } from "./support/folder.ts";

const stat = (folder: Folder, path: string): fs.Stats => fs.statSync(folder.at(path));
const SECOND = 1000;
const DIGEST = digestOfBytes("content");

/** A file, its stat, and a moment of reading that is safely after its last change. */
function quietFile(): { folder: Folder; cache: StatCache; later: number } {
  const folder = new Folder({ file: "content" });
  const cache = new StatCache(folder.at("cache"));
  return { folder, cache, later: stat(folder, "file").ctimeMs + 10 * SECOND };
}

describe("the stat cache", () => {
  it("knows a file that it was told of, also after it was saved and loaded", () => {
    const { folder, cache, later } = quietFile();
    cache.remember("file", stat(folder, "file"), DIGEST, later);
    expect(cache.lookup("file", stat(folder, "file"))).toBe(DIGEST);
    cache.save();
    expect(new StatCache(folder.at("cache")).lookup("file", stat(folder, "file"))).toBe(DIGEST);
  });

  it("does not know another path", () => {
    const { folder, cache, later } = quietFile();
    cache.remember("file", stat(folder, "file"), DIGEST, later);
    expect(cache.lookup("other", stat(folder, "file"))).toBeNull();
  });

  it("sees an edit that keeps size and mtime, by the ctime", () => {
    const { folder, cache, later } = quietFile();
    fs.utimesSync(folder.at("file"), 1000, 1000);
    const before = stat(folder, "file");
    cache.remember("file", before, DIGEST, later);
    // Wait for the file system's clock by looking at it, not by sleeping.
    do {
      folder.write("file", "CONTENT");
      fs.utimesSync(folder.at("file"), 1000, 1000);
    } while (stat(folder, "file").ctimeMs === before.ctimeMs);
    const after = stat(folder, "file");
    expect([after.size, after.mtimeMs, after.ino]).toEqual([
      before.size,
      before.mtimeMs,
      before.ino,
    ]);
    expect(cache.lookup("file", after)).toBeNull();
  });

  it("sees a file that took the place of another with the same size and mtime", () => {
    const { folder, cache, later } = quietFile();
    fs.utimesSync(folder.at("file"), 1000, 1000);
    cache.remember("file", stat(folder, "file"), DIGEST, later);
    folder.write("new", "CONTENT");
    fs.utimesSync(folder.at("new"), 1000, 1000);
    fs.renameSync(folder.at("new"), folder.at("file"));
    expect(cache.lookup("file", stat(folder, "file"))).toBeNull();
  });

  it("does not believe an entry that was read within a clock tick of the last write", () => {
    const { folder, cache } = quietFile();
    const { ctimeMs } = stat(folder, "file");
    cache.remember("file", stat(folder, "file"), DIGEST, ctimeMs + 1);
    expect(cache.lookup("file", stat(folder, "file"))).toBeNull();
    cache.remember("file", stat(folder, "file"), DIGEST, ctimeMs);
    expect(cache.lookup("file", stat(folder, "file"))).toBeNull();
  });

  it("keeps more distance where the file system only has whole seconds", () => {
    const { folder, cache } = quietFile();
    const { ctimeMs } = stat(folder, "file");
    const whole = BigInt(Math.floor(ctimeMs / SECOND));
    fs.utimesSync(folder.at("file"), Number(whole), Number(whole));
    const coarse = stat(folder, "file");
    cache.remember("file", coarse, DIGEST, coarse.ctimeMs + SECOND);
    expect(cache.lookup("file", coarse)).toBeNull();
    cache.remember("file", coarse, DIGEST, coarse.ctimeMs + 3 * SECOND);
    expect(cache.lookup("file", coarse)).toBe(DIGEST);
  });

  it("follows a file through a rename", () => {
    const { folder, cache } = quietFile();
    disk.settle(folder.at("file"));
    const before = stat(folder, "file");
    fs.renameSync(folder.at("file"), folder.at("moved"));
    cache.rememberMoved("moved", before, stat(folder, "moved"), DIGEST);
    expect(cache.lookup("moved", stat(folder, "moved"))).toBe(DIGEST);
    folder.write("moved", "CONTENT"); // within the same tick of the clock, perhaps
    expect(cache.lookup("moved", stat(folder, "moved"))).toBeNull();
  });

  it("does not follow when the file was changed on the way, or was not settled", () => {
    const { folder, cache } = quietFile();
    folder.write("file", "content");
    const before = stat(folder, "file");
    fs.renameSync(folder.at("file"), folder.at("moved"));
    cache.rememberMoved("moved", before, stat(folder, "moved"), DIGEST);
    expect(cache.lookup("moved", stat(folder, "moved"))).toBeNull();
    disk.settle(folder.at("moved"));
    const settled = stat(folder, "moved");
    folder.write("moved", "longer content");
    cache.rememberMoved("moved", settled, stat(folder, "moved"), DIGEST);
    expect(cache.lookup("moved", stat(folder, "moved"))).toBeNull();
  });

  it("grows by what is new, and is written anew when much of it is outdated", () => {
    const { folder, cache, later } = quietFile();
    cache.remember("first", stat(folder, "file"), DIGEST, later);
    cache.save();
    const before = folder.read("cache");
    const second = new StatCache(folder.at("cache"));
    second.remember("second", stat(folder, "file"), digestOfBytes("second"), later);
    second.save();
    expect(folder.read("cache").startsWith(before)).toBe(true);
    for (let edit = 0; edit < 1100; edit++) {
      const next = new StatCache(folder.at("cache"));
      next.remember("first", stat(folder, "file"), digestOfBytes(`${edit}`), later);
      if (edit === 1099) next.lookup("second", stat(folder, "file"));
      next.save();
    }
    const last = new StatCache(folder.at("cache"));
    expect(last.lookup("first", stat(folder, "file"))).toBe(digestOfBytes("1099"));
    expect(last.lookup("second", stat(folder, "file"))).toBe(digestOfBytes("second"));
    expect(folder.read("cache").split("\n").length).toBeLessThan(10);
  });

  it.each([
    ["torn", (text: string) => text.slice(0, -5)],
    ["with a digest exchanged", (text: string) => text.replaceAll(DIGEST, digestOfBytes("other"))],
    ["empty", () => ""],
    ["something else", () => "not a cache\n"],
  ])("ignores a saved file that is %s", (_, damage) => {
    const { folder, cache, later } = quietFile();
    cache.remember("file", stat(folder, "file"), DIGEST, later);
    cache.save();
    folder.write("cache", damage(folder.read("cache")));
    const damaged = new StatCache(folder.at("cache"));
    expect(damaged.lookup("file", stat(folder, "file"))).toBeNull();
    damaged.remember("file", stat(folder, "file"), DIGEST, later);
    damaged.save();
    expect(new StatCache(folder.at("cache")).lookup("file", stat(folder, "file"))).toBe(DIGEST);
  });

  it("keeps names with spaces, tabs and other scripts apart", () => {
    const { folder, cache, later } = quietFile();
    const names = ["a b", "größe", "数据", "a\tb", "a\nb", "100%", "%09"];
    for (const name of names)
      cache.remember(name, stat(folder, "file"), digestOfBytes(name), later);
    cache.save();
    const loaded = new StatCache(folder.at("cache"));
    for (const name of names) {
      expect(loaded.lookup(name, stat(folder, "file"))).toBe(digestOfBytes(name));
    }
  });
});
