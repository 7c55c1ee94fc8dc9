import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesBelow } from "../crash/crash-workspace.ts";
import { copyOf, madeFrom, OddWorkspace } from "./odd-workspace.ts";

/** What a person put where an output belongs is never lost: it is kept in `.aqm/replaced`. */
let workspace: OddWorkspace;
const WRITER = `fs.mkdirSync(outputs.made.path + "/empty", { recursive: true });
  fs.mkdirSync(outputs.made.path + "/sub");
  fs.writeFileSync(outputs.made.path + "/sub/x", fs.readFileSync(inputs.text.path));`;

beforeEach(() => {
  workspace = new OddWorkspace(
    { "in.txt": "one" },
    copyOf('file("in.txt")', "out/a") +
      madeFrom('{ text: file("in.txt") }', '{ made: committed("made", "folder") }'),
    WRITER,
  );
});
afterEach(() => workspace.remove());

/** Content by path below the folder that one replaced output has. */
function kept(): Readonly<Record<string, string>> {
  const folder = workspace.files.path(".aqm/replaced");
  return Object.fromEntries(
    filesBelow(folder).map((path) => [
      path.replace(/^[0-9a-f]{10}\//, ""),
      fs.readFileSync(join(folder, path), "utf8"),
    ]),
  );
}

describe("kept aside, with a notice that says where", () => {
  it("is what was there before aqm ever built it, file and folder", async () => {
    workspace.files.write("out/a", "mine");
    workspace.files.write("made/mine/b", "mine, too");
    const { code, notices } = await workspace.build();
    expect(code).toBe(0);
    expect(workspace.files.read("out/a")).toBe("one");
    expect(filesBelow(workspace.files.path("made"))).toEqual(["sub/x"]);
    expect(kept()).toEqual({ "out/a": "mine", "made/mine/b": "mine, too" });
    expect([...notices].sort()).toEqual([
      expect.stringMatching(
        /^made was not as aqm had made it; what was there is kept in \.aqm\/replaced\/[0-9a-f]{10}\/made$/,
      ),
      expect.stringMatching(
        /^out\/a was not as aqm had made it; what was there is kept in \.aqm\/replaced\/[0-9a-f]{10}\/out\/a$/,
      ),
    ]);
  });

  it("is what was edited by hand since, whether it is then restored or made anew", async () => {
    await workspace.build();
    workspace.files.write("out/a", "edited once");
    workspace.files.write("made/sub/x", "edited");
    const restored = await workspace.build();
    expect(restored.ran).toEqual([]);
    expect(restored.notices).toHaveLength(2);
    workspace.files.write("out/a", "edited twice");
    workspace.files.write("in.txt", "two");
    expect((await workspace.build()).ran).toHaveLength(2);
    expect(workspace.files.read("out/a")).toBe("two");
    const contents = filesBelow(workspace.files.path(".aqm/replaced")).map((path) =>
      workspace.files.read(`.aqm/replaced/${path}`),
    );
    expect(contents.sort()).toEqual(["edited", "edited once", "edited twice"]);
  });

  it("is a file in a folder's place, and a folder in a file's", async () => {
    workspace.files.write("made", "a file");
    workspace.files.write("out/a/b", "in a folder");
    expect((await workspace.build()).code).toBe(0);
    expect(workspace.files.read("out/a")).toBe("one");
    expect(workspace.files.read("made/sub/x")).toBe("one");
    expect(kept()).toEqual({ made: "a file", "out/a/b": "in a folder" });
  });
});

describe("nothing is kept, and nothing said", () => {
  it.each([
    ["in the ordinary course of edits", () => undefined],
    [
      "after a crash between an output's rename and its record",
      (w: OddWorkspace) => {
        fs.rmSync(w.files.path("aqm.lock"), { recursive: true });
        fs.rmSync(w.files.path(".aqm/history"), { recursive: true });
      },
    ],
    [
      "in a clone, whose records came along",
      (w: OddWorkspace) => fs.rmSync(w.files.path(".aqm"), { recursive: true }),
    ],
  ])("%s", async (_what, happens) => {
    await workspace.build();
    happens(workspace);
    workspace.files.write("in.txt", "two");
    const { ran, notices } = await workspace.build();
    expect(ran).toHaveLength(2);
    expect(notices).toEqual([]);
    expect(workspace.files.exists(".aqm/replaced")).toBe(false);
  });

  it("when what lies there is what comes, although nobody recorded it", async () => {
    workspace.files.write("out/a", "one");
    workspace.files.write("made/sub/x", "one");
    expect((await workspace.build()).notices).toEqual([]);
    expect(workspace.files.exists(".aqm/replaced")).toBe(false);
  });
});

it("empty folders in a folder output count for nothing: fresh before and after a restore", async () => {
  await workspace.build();
  expect(workspace.files.exists("made/empty")).toBe(true);
  expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 2 });
  fs.rmSync(workspace.files.path("made"), { recursive: true });
  expect((await workspace.build()).events.at(-1)).toMatchObject({ restored: 1 });
  expect(workspace.files.exists("made/empty")).toBe(false); // Git would not keep it either
  expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 2 });
});
