import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ActionNode } from "../../src/graph/graph.ts";
import { layoutOf, type Layout } from "../../src/host/disk/layout.ts";
import { collectPartials } from "../../src/host/partial/partial-garbage.ts";
import { openPartialResults } from "../../src/host/partial/partial-results.ts";
import { mendState } from "../../src/host/publish/state-folders.ts";
import { digestOfBytes, hexOf, type Digest } from "../../src/model/digest.ts";
import type { PartialResults } from "../../src/ports.ts";
import { Folder } from "./support/folder.ts";
import { graphOf, nodeOf } from "./support/graphs.ts";
import { errorOf, valueOf } from "./support/results.ts";

const IDENTITY = digestOfBytes("identity");

class World {
  readonly folder = new Folder();
  readonly layout: Layout = layoutOf(this.folder.path, "/nowhere");
  readonly #graph = graphOf(
    {
      makes: "a",
      from: {
        file: { path: "in/file", kind: "file" },
        folder: { path: "in/folder", kind: "folder" },
      },
    },
    { makes: "b", from: ["in/file"] },
  );

  constructor() {
    for (const path of ["in/file", "in/folder/one", "op.py"]) this.write(path, "1");
  }

  node(id: string): ActionNode {
    return nodeOf(this.#graph, id);
  }

  /** Written some time ago, so that a later change is sure to show in the file's times. */
  write(path: string, content: string, ageSeconds = 100): void {
    this.folder.write(path, content);
    const time = Date.now() / 1000 - ageSeconds;
    fs.utimesSync(this.folder.at(path), time, time);
  }

  open(target = "a", identity: Digest = IDENTITY): PartialResults {
    const opFiles = [this.folder.at("op.py")];
    return valueOf(openPartialResults(this.layout, this.node(target), identity, opFiles));
  }

  /** A run that is about to measure its first item. */
  begin(target = "a", identity: Digest = IDENTITY): PartialResults {
    const opened = this.open(target, identity);
    fs.mkdirSync(opened.folder, { recursive: true });
    fs.writeFileSync(join(opened.folder, target), "item");
    return opened;
  }

  items({ folder }: PartialResults): readonly string[] {
    return fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  }
}

describe("the place of partial results", () => {
  it("is a folder named after the identity, and nobody makes it before the op does", () => {
    const world = new World();
    const { folder, dropped } = world.open();
    expect(folder).toBe(world.folder.at(`.aqm/partial/${hexOf(IDENTITY)}/items`));
    expect([fs.existsSync(folder), dropped]).toEqual([false, false]);
  });

  it("has the items of a run that ended well, whatever happens to its inputs later", () => {
    const world = new World();
    world.begin().confirm();
    world.write("in/file", "touched, and back again", 50);
    const again = world.open();
    expect([world.items(again), again.dropped]).toEqual([["a"], false]);
  });

  it("has the items of a run that was killed while nothing that it reads was touched", () => {
    const world = new World();
    world.begin();
    const again = world.open();
    expect([world.items(again), again.dropped]).toEqual([["a"], false]);
  });

  it.each([
    ["a file is edited and put back", (world: World) => world.write("in/file", "1", 50)],
    ["a file comes into a folder", (world: World) => world.write("in/folder/two", "2")],
    ["a file of a folder is replaced", (world: World) => world.write("in/folder/one", "2", 50)],
    ["an input is gone", (world: World) => world.folder.remove("in/folder/one")],
    ["the op's code is edited", (world: World) => world.write("op.py", "2", 50)],
  ])("has none of a run that was killed when %s", (_, change) => {
    const world = new World();
    world.begin();
    change(world);
    const again = world.open();
    expect([world.items(again), again.dropped]).toEqual([[], true]);
    expect(fs.readdirSync(world.layout.partial)).toEqual([hexOf(IDENTITY)]);
  });

  it("has none of a run that was killed while an input was too young for its times to tell", () => {
    const world = new World();
    world.write("in/file", "1", 0);
    world.begin();
    world.write("in/file", "1");
    expect(world.open().dropped).toBe(true);
  });

  it("has none once a run has found that an input changed", () => {
    const world = new World();
    world.begin().confirm();
    world.begin().discard();
    const again = world.open();
    expect([world.items(again), again.dropped]).toEqual([[], false]);
  });

  it("is shared by actions of one identity; each of them is in doubt by itself", () => {
    const world = new World();
    const [a, b] = [world.begin("a"), world.begin("b")];
    expect(b.folder).toBe(a.folder);
    expect(world.items(b)).toEqual(["a", "b"]);
    b.confirm();
    world.write("in/file", "1", 50);
    expect(world.open("b").dropped).toBe(true); // the other one may have been killed since
  });

  it("has none of a run that went on when another of its identity removed the items", () => {
    const world = new World();
    const long = world.open("a");
    world.write("in/file", "2");
    world.begin("b").discard();
    fs.mkdirSync(long.folder, { recursive: true });
    fs.writeFileSync(join(long.folder, "late"), "measured from 2"); // then it is killed
    world.write("in/file", "1");
    const next = world.open("a");
    expect([world.items(next), next.dropped]).toEqual([[], true]);
  });

  it("is in no doubt from a run that failed before its items were removed", () => {
    const world = new World();
    world.begin("a").leave();
    world.begin("b").discard();
    expect(world.open("b").dropped).toBe(false); // the note of the failed run is gone
  });

  it("is not shared by other identities", () => {
    const world = new World();
    world.begin();
    expect(world.items(world.open("a", digestOfBytes("other")))).toEqual([]);
  });
});

describe("damage", () => {
  const home = (world: World): string => join(world.layout.partial, hexOf(IDENTITY));
  const notes = (world: World): string[] =>
    fs.readdirSync(join(home(world), "runs")).map((name) => join(home(world), "runs", name));

  it.each([
    ["is cut off", (note: string) => fs.truncateSync(note, 5)],
    ["is empty", (note: string) => fs.truncateSync(note)],
    ["says nothing", (note: string) => fs.writeFileSync(note, "null")],
    [
      "is a folder",
      (note: string) => {
        fs.rmSync(note);
        fs.mkdirSync(note);
      },
    ],
  ])("of a note that %s: the items are measured again", (_, damage) => {
    const world = new World();
    world.begin();
    for (const note of notes(world)) damage(note);
    const again = world.open();
    expect([world.items(again), again.dropped]).toEqual([[], true]);
  });

  it("by a file in the folder's place is mended", () => {
    const world = new World();
    fs.mkdirSync(world.layout.partial, { recursive: true });
    fs.writeFileSync(home(world), "in the way");
    world.begin().confirm();
    expect(world.items(world.open())).toEqual(["a"]);
  });

  it.each([
    ["items", []],
    ["runs", []],
  ])(
    "by a file in the place of %s, or a folder that may not be written, is mended",
    (name, left) => {
      const world = new World();
      world.begin().confirm();
      fs.rmSync(join(home(world), name), { recursive: true });
      fs.writeFileSync(join(home(world), name), "in the way");
      const again = world.open();
      expect([world.items(again), again.dropped]).toEqual([left, name === "runs"]);
      again.confirm();
      world.begin().confirm();
      fs.chmodSync(join(home(world), name), 0o555);
      expect(world.items(world.begin())).toEqual(["a"]);
      expect(fs.statSync(join(home(world), name)).mode & 0o200).toBe(0o200);
    },
  );

  it("by a link in the place of all folders that leads nowhere is mended before a build", () => {
    const world = new World();
    fs.mkdirSync(world.layout.state, { recursive: true });
    fs.symlinkSync("../elsewhere", world.layout.partial);
    expect(mendState(world.layout)).toEqual([]);
    world.begin().confirm();
    expect(fs.statSync(world.folder.at("elsewhere")).isDirectory()).toBe(true);
    fs.rmSync(world.layout.partial);
    fs.symlinkSync("/unmounted/disk/partial", world.layout.partial);
    expect(mendState(world.layout)).toEqual([
      ".aqm/partial was a link to /unmounted/disk/partial, where no folder is; it is a folder now",
    ]);
    expect(mendState(world.layout)).toEqual([]);
    world.begin().confirm();
  });

  it("by a file in the place of all folders is a failure that names it", () => {
    const world = new World();
    world.folder.write(".aqm/partial", "in the way");
    const opened = openPartialResults(world.layout, world.node("a"), IDENTITY, []);
    expect(errorOf(opened)).toMatchObject({
      cause: expect.stringContaining("not a directory") as string,
      place: { file: `.aqm/partial/${hexOf(IDENTITY)}` },
    });
  });

  it("that takes everything away costs time only", () => {
    const world = new World();
    const running = world.begin();
    fs.rmSync(world.layout.state, { recursive: true });
    running.confirm();
    world.begin().confirm();
    expect(world.items(world.open())).toEqual(["a"]);
  });
});

describe("collecting partial results", () => {
  const identities = ["one", "two", "three"].map(digestOfBytes);

  function filled(): World {
    const world = new World();
    for (const [index, identity] of identities.entries()) {
      world.begin("a", identity).confirm();
      const home = join(world.layout.partial, hexOf(identity));
      fs.utimesSync(home, 1000 + index, 1000 + index);
    }
    return world;
  }

  it("removes the least recently used first, all of an identity together", () => {
    const world = filled();
    const { keptBytes, kept } = collectPartials(world.layout, Infinity, false);
    expect(kept).toBe(3);
    const { dropped, droppedBytes, ...rest } = collectPartials(world.layout, keptBytes - 1, false);
    expect(dropped.map(({ identity }) => identity)).toEqual([identities[0]]);
    expect(rest).toMatchObject({ kept: 2, keptBytes: keptBytes - droppedBytes });
    expect(fs.readdirSync(world.layout.partial)).toHaveLength(2);
  });

  it("counts a run as a use", () => {
    const world = filled();
    world.open("a", identities[0]).confirm();
    const { dropped } = collectPartials(world.layout, 1, true);
    expect(dropped.map(({ identity }) => identity)).toEqual([
      identities[1],
      identities[2],
      identities[0],
    ]);
  });

  it("changes nothing in a dry run", () => {
    const world = filled();
    expect(collectPartials(world.layout, 0, true).dropped).toHaveLength(3);
    expect(fs.readdirSync(world.layout.partial)).toHaveLength(3);
  });

  it("removes what a crash left, and nothing that is not aqm's", () => {
    const world = filled();
    world.folder.write(`.aqm/partial/${hexOf(IDENTITY)}.12-0000abcd.tmp/items/a`, "left");
    for (const name of ["notes.tmp", "notes.txt"])
      // the folder may be a link to one with other files
      world.folder.write(`.aqm/partial/${name}`, "a person's");
    collectPartials(world.layout, 0, false);
    expect(fs.readdirSync(world.layout.partial).sort()).toEqual(["notes.tmp", "notes.txt"]);
  });

  it("has nothing to do where there are none, or something else is in their place", () => {
    const world = new World();
    expect(collectPartials(world.layout, 0, false)).toMatchObject({ kept: 0, dropped: [] });
    world.folder.write(".aqm/partial", "in the way");
    expect(collectPartials(world.layout, 0, false)).toMatchObject({ kept: 0, dropped: [] });
  });
});
