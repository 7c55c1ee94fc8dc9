import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { collectGarbage, hasOutgrown } from "../../src/host/store/garbage.ts";
import { layoutOf, type Layout } from "../../src/host/disk/layout.ts";
import { Store } from "../../src/host/store/store.ts";
import { digestOfBytes, digestOfFolder, type Digest } from "../../src/model/digest.ts";
import { Folder } from "./support/folder.ts";
import { errorOf, valueOf } from "./support/results.ts";

class World {
  readonly folder = new Folder();
  readonly layout: Layout = layoutOf(this.folder.path, "/nowhere");
  readonly store = new Store(this.layout.store);

  /** Puts a file in, used so many seconds after the beginning of time. */
  put(content: string, usedAt = 0): Digest {
    this.folder.write("source", content);
    const digest = digestOfBytes(content);
    this.store.putFile(this.folder.at("source"), digest);
    fs.utimesSync(this.blob(digest), usedAt, usedAt);
    return digest;
  }

  putFolder(...contents: readonly string[]): Digest {
    const files = contents.map((content, index) => {
      this.folder.write(`tree/${index}`, content);
      return { path: String(index), digest: digestOfBytes(content), size: content.length };
    });
    const digest = digestOfFolder(files.map((file) => [file.path, file.digest]));
    this.store.putFolder(this.folder.at("tree"), files, digest);
    return digest;
  }

  blob(digest: Digest): string {
    return this.folder.at(`.aqm/store/${digest.slice(7, 9)}/${digest.slice(9)}`);
  }

  async collect(limit: number): Promise<readonly Digest[]> {
    const { dropped } = valueOf(await collectGarbage(this.layout, limit));
    return dropped.map(({ digest }) => digest);
  }
}

describe("collecting garbage", () => {
  it("removes the least recently used first, and no more than it must", async () => {
    const world = new World();
    const [a, b, c] = [world.put("aaaa", 30), world.put("bbbb", 10), world.put("cccc", 20)];
    expect(await world.collect(8)).toEqual([b]);
    expect(world.store.has(a) && world.store.has(c) && !world.store.has(b)).toBe(true);
    expect(await world.collect(8)).toEqual([]);
    expect(await world.collect(0)).toEqual([c, a]);
  });

  it("counts taking out and putting in again as a use", async () => {
    const world = new World();
    const [a, b, c] = [world.put("aaaa", 10), world.put("bbbb", 20), world.put("cccc", 30)];
    await world.store.takeOut(a, "file", world.folder.at("copy"));
    world.store.putFile(world.folder.at("copy"), a);
    world.folder.write("source", "bbbb");
    world.store.putFile(world.folder.at("source"), b);
    expect(await world.collect(8)).toEqual([c]);
  });

  it("keeps a folder with all its files, or drops it with all of them", async () => {
    const world = new World();
    const kept = world.putFolder("one", "two");
    const dropped = world.putFolder("three", "two");
    world.folder.write("aqm.lock/a.json", JSON.stringify({ outputs: { out: { digest: kept } } }));
    expect(new Set(await world.collect(0))).toEqual(new Set([dropped, digestOfBytes("three")]));
    expect(world.store.has(kept)).toBe(true);
    expect(await world.store.takeOut(kept, "folder", world.folder.at("copy"))).toBe(true);
  });

  it("keeps what damaged records, both sides of a conflict and open publications name", async () => {
    const world = new World();
    const [ours, theirs, torn, open] = ["ours", "theirs", "torn", "open"].map((c) => world.put(c));
    const free = world.put("free");
    world.folder.write(
      "aqm.lock/a.json",
      `<<<<<<< a\n"${ours}"\n=======\n"${theirs}"\n>>>>>>> b\n`,
    );
    world.folder.write("aqm.lock/deep/er/b.json", `{"digest":"${torn}`);
    world.folder.write(".aqm/journal/c.json", JSON.stringify({ record: { digest: open } }));
    const below = world.put("below a folder that is named like a record");
    world.folder.write("aqm.lock/d.json/.hidden.json", `"${below}"`);
    expect(await world.collect(0)).toEqual([free]);
  });

  it("clears away what a crash left half-written, and leaves strange files alone", async () => {
    const world = new World();
    const digest = world.put("content", 10);
    fs.writeFileSync(`${world.blob(digest)}.12345678.tmp`, "half");
    world.folder.write(".aqm/store/notes.txt", "mine");
    expect(await world.collect(100)).toEqual([]);
    expect(fs.existsSync(`${world.blob(digest)}.12345678.tmp`)).toBe(false);
    expect(world.folder.exists(".aqm/store/notes.txt")).toBe(true);
  });

  it("removes what had come of a file from a shared cache, and leaves strange files alone", async () => {
    const world = new World();
    const part = `.aqm/arriving/${"a".repeat(64)}`;
    world.folder.write(part, "half");
    world.folder.write(".aqm/arriving/notes.txt", "mine");
    const counted = { files: 1, bytes: 4 };
    const seen = valueOf(await collectGarbage(world.layout, 100, true));
    expect([seen.arriving, world.folder.exists(part)]).toEqual([counted, true]);
    const done = valueOf(await collectGarbage(world.layout, 100));
    expect([done.arriving, world.folder.exists(part)]).toEqual([counted, false]);
    expect(world.folder.exists(".aqm/arriving/notes.txt")).toBe(true);
  });

  it("removes nothing on a dry run", async () => {
    const world = new World();
    const digest = world.put("content");
    const { dropped } = valueOf(await collectGarbage(world.layout, 0, true));
    expect(dropped.map((blob) => blob.digest)).toEqual([digest]);
    expect(world.store.has(digest)).toBe(true);
  });

  it("removes nothing when Git cannot say what its refs need", async () => {
    const world = new World();
    const digest = world.put("content");
    world.folder.write(".git", "gitdir: /nowhere/at/all\n");
    const failure = errorOf(await collectGarbage(world.layout, 0));
    expect(failure.reason).toBe("git_failed");
    expect(failure.cause).toContain("/nowhere/at/all");
    expect(world.store.has(digest)).toBe(true);
  });

  it("removes nothing when an object that a ref needs is missing", async () => {
    const world = new World();
    const digest = world.put("content");
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b", ...args], {
        cwd: world.folder.path,
        encoding: "utf8",
      });
    git("init", "-q", "-b", "main");
    world.folder.write("aqm.lock/a.json", `"${digest}"`);
    git("add", "aqm.lock");
    git("commit", "-q", "-m", "one");
    const object = git("rev-parse", "HEAD:aqm.lock/a.json").trim();
    world.folder.remove(`.git/objects/${object.slice(0, 2)}/${object.slice(2)}`);
    world.folder.remove("aqm.lock");
    expect(errorOf(await collectGarbage(world.layout, 0)).reason).toBe("git_failed");
    expect(world.store.has(digest)).toBe(true);
  });
});

describe("the store's tally", () => {
  it("tells without counting when the store has outgrown its bound", () => {
    const world = new World();
    world.put("12345");
    expect(world.folder.exists(".aqm/store-size")).toBe(false); // a crash now would make it unknown
    world.store.close();
    expect(world.store.readTally()).toEqual({ bytes: 5, floor: 0 });
    expect(hasOutgrown(world.layout, 5)).toBe(false);
    expect(hasOutgrown(world.layout, 4)).toBe(true);
    const next = new Store(world.layout.store);
    expect(next.grown).toBe(false);
    next.putFile(world.folder.at("source"), digestOfBytes("12345")); // there already
    expect(next.grown).toBe(false);
    next.close();
    expect(next.readTally()).toEqual({ bytes: 5, floor: 0 });
  });

  it.each(["lost", "damaged"])("is counted anew when it is %s", (how) => {
    const world = new World();
    world.put("12345");
    world.putFolder("678");
    if (how === "damaged") world.folder.write(".aqm/store-size", "{");
    expect(hasOutgrown(world.layout, 7)).toBe(true);
    const size = world.store.survey().blobs.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(world.store.readTally()).toEqual({ bytes: size, floor: 0 });
    expect(hasOutgrown(world.layout, size)).toBe(false);
  });

  it("does not ask for a collection again and again when lock records need it all", async () => {
    const world = new World();
    const digest = world.put("x".repeat(100));
    world.store.close();
    world.folder.write("aqm.lock/a.json", `"${digest}"`);
    expect(hasOutgrown(world.layout, 50)).toBe(true);
    expect(await world.collect(50)).toEqual([]);
    expect(hasOutgrown(world.layout, 50)).toBe(false);
    const next = new Store(world.layout.store);
    world.folder.write("source", "y".repeat(11));
    next.putFile(world.folder.at("source"), digestOfBytes("y".repeat(11)));
    next.close();
    expect(hasOutgrown(world.layout, 50)).toBe(true);
  });
});
