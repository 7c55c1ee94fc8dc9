import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asNobody, canBeNobody, NOBODY, UNLESS_ROOT } from "../rig/nobody.ts";
import { WIDE } from "../rig/wide.ts";
import { copyOf, madeFrom, OddWorkspace, RUNNER } from "./odd-workspace.ts";

/*
 * Modes that forbid their owner to write or to read, as a copy of a read-only data set has them. Root may do
 * everything, so the command line runs as another user here, who owns the workspace.
 */
let workspace: OddWorkspace;
const MADE = madeFrom('{ tree: folder("tree") }', '{ made: committed("made", "folder") }');
const COPY = copyOf('file("in.txt")', "out/a");
/** The content of the one source, in a folder of the output, with modes that a test chooses. */
const writer = (folderMode: string, fileMode: string): string => `
  fs.mkdirSync(outputs.made.path + "/deep/er", { recursive: true });
  fs.copyFileSync(inputs.tree.path + "/one", outputs.made.path + "/deep/er/x");
  fs.chmodSync(outputs.made.path + "/deep/er/x", ${fileMode});
  for (const folder of ["/deep/er", "/deep", ""]) fs.chmodSync(outputs.made.path + folder, ${folderMode});`;

beforeEach(() => {
  workspace = new OddWorkspace({ "in.txt": "one", "tree/one": "one" }, MADE + COPY);
});
afterEach(() => {
  spawnSync("chmod", ["-R", "u+rwX", workspace.files.root]);
  workspace.remove();
});

const give = (): void => {
  spawnSync("chown", ["-R", `${NOBODY}:${NOBODY}`, workspace.files.root]);
};
const build = (...args: readonly string[]): { code: number | null; text: string } => {
  const said = asNobody(workspace.files.root, ["build", "--python", RUNNER, ...args]);
  expect(said.text).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  return said;
};
const change = (content: string): void => workspace.files.write("tree/one", content);
const path = (place: string): string => workspace.files.path(place);

describe.runIf(canBeNobody)(`what may not be written does not stop a build ${UNLESS_ROOT}`, () => {
  it.runIf(WIDE).each([
    ["0o555", "0o444"],
    ["0o000", "0o000"],
    ["0o311", "0o200"],
  ])("an op leaves folders of mode %s and files of mode %s", (folderMode, fileMode) => {
    workspace.writes(writer(folderMode, fileMode));
    give();
    expect(build()).toMatchObject({ code: 0 });
    change("two");
    expect(build()).toMatchObject({ code: 0 });
    expect(workspace.files.read("made/deep/er/x")).toBe("two");
    fs.rmSync(path("made"), { recursive: true });
    change("one");
    const restored = build();
    expect(restored.text).toContain("1 restored");
    expect(build().text).toContain("0 ran, 2 fresh");
  });

  it.runIf(WIDE)(
    "an op fails and leaves such a folder in its stage, or locks the stage itself",
    () => {
      workspace.writes(`fs.mkdirSync(outputs.made.path + "/d", { recursive: true });
      fs.writeFileSync(outputs.made.path + "/d/x", "");
      fs.chmodSync(outputs.made.path + "/d", 0o555);
      fs.chmodSync(outputs.made.path + "/../..", 0o555);
      fs.chmodSync(outputs.made.path + "/../../..", 0o555);
      throw new Error("no");`);
      give();
      expect(build()).toMatchObject({ code: 1 });
      workspace.writes(writer("0o755", "0o644"));
      expect(build()).toMatchObject({ code: 0 });
      expect(fs.existsSync(path(".aqm/stage"))).toBe(false);
    },
  );

  it.runIf(WIDE)("a person or an archive left outputs, kept files and the whole state so", () => {
    workspace.writes(writer("0o755", "0o644"));
    give();
    build();
    workspace.files.write("made/mine", "a person's");
    fs.mkdirSync(path(".aqm/stage/left/deep"), { recursive: true });
    fs.mkdirSync(path(".aqm/partial/x/items"), { recursive: true });
    workspace.files.write(".aqm/replaced/0/x", "kept");
    give();
    const modes = ["-R", "a-w", path("made"), ...closedState()];
    expect(spawnSync("chmod", modes).status).toBe(0);
    change("two");
    expect(build()).toMatchObject({ code: 0 });
    expect(workspace.files.read("made/deep/er/x")).toBe("two");
    expect(fs.readdirSync(path("made"))).toEqual(["deep"]);
    const [kept] = fs.readdirSync(path(".aqm/replaced")).filter((name) => name !== "0");
    expect(workspace.files.read(`.aqm/replaced/${kept}/made/mine`)).toBe("a person's");
    expect(workspace.files.read(".aqm/replaced/0/x")).toBe("kept");
    const cleaned = asNobody(workspace.files.root, ["clean", "made"]);
    expect(cleaned.text).toBe("removed made\n");
  });

  it("another user left files in the stage: they are put out of the way, and told of", () => {
    workspace.writes(writer("0o755", "0o644"));
    fs.mkdirSync(path(".aqm/stage/left"), { recursive: true });
    give();
    workspace.files.write(".aqm/stage/left/theirs", "");
    fs.chownSync(path(".aqm/stage/left"), 0, 0);
    const { code, text } = build();
    expect(code).toBe(0);
    expect(text).toMatch(
      /notice {3}\.aqm\/stage\.left-[0-9a-f]+ is left over and cannot be removed/,
    );
  });

  it.runIf(WIDE)(
    "another user made the output's folder: its action fails, and others are built",
    () => {
      workspace.writes(writer("0o755", "0o644"));
      give();
      fs.mkdirSync(path("made"));
      workspace.files.write("made/theirs", "");
      const { code, text } = build("--keep-going");
      expect(code).toBe(1);
      expect(text).toMatch(/aqm may not write made/);
      expect(workspace.files.read("out/a")).toBe("one");
      fs.rmSync(path("made"), { recursive: true });
      expect(build()).toMatchObject({ code: 0 });
    },
  );
});

/** All folders of the state but `.aqm` itself. */
const closedState = (): readonly string[] =>
  fs.readdirSync(path(".aqm")).map((name) => join(path(".aqm"), name));

it("files of an output have no second name: editing a source in place leaves the output alone", async () => {
  workspace.writes(`fs.mkdirSync(outputs.made.path);
    fs.linkSync(inputs.tree.path + "/one", outputs.made.path + "/a");
    fs.linkSync(inputs.tree.path + "/one", outputs.made.path + "/b");`);
  const modified = fs.statSync(path("tree/one")).mtimeMs;
  expect((await workspace.build()).code).toBe(0);
  expect(fs.statSync(path("tree/one"))).toMatchObject({ nlink: 1, mtimeMs: modified });
  expect(fs.statSync(path("made/a"))).toMatchObject({ nlink: 1 });
  change("two");
  expect(workspace.files.read("made/a")).toBe("one");
  workspace.files.write("made/b", "edited");
  expect(workspace.files.read("tree/one")).toBe("two");
});
