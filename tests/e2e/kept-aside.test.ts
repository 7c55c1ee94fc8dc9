import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { filesBelow } from "../crash/crash-workspace.ts";
import { copyOf, madeFrom, OddWorkspace } from "./odd-workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";

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

  it.runIf(WIDE)("is a file in a folder's place, and a folder in a file's", async () => {
    workspace.files.write("made", "a file");
    workspace.files.write("out/a/b", "in a folder");
    expect((await workspace.build()).code).toBe(0);
    expect(workspace.files.read("out/a")).toBe("one");
    expect(workspace.files.read("made/sub/x")).toBe("one");
    expect(kept()).toEqual({ made: "a file", "out/a/b": "in a folder" });
  });
});

describe("what is kept stays as it was", () => {
  it.runIf(WIDE)("although the file has another name under which it is edited later", async () => {
    await workspace.build();
    workspace.files.write("notes.txt", "my only draft");
    fs.rmSync(workspace.files.path("out/a"));
    fs.linkSync(workspace.files.path("notes.txt"), workspace.files.path("out/a"));
    await workspace.build();
    workspace.files.write("notes.txt", "something else");
    expect(kept()).toEqual({ "out/a": "my only draft" });
  });

  it.runIf(WIDE)(
    "and what has its name but not its content any more is not taken for it",
    async () => {
      await workspace.build();
      workspace.files.write("out/a", "mine");
      await workspace.build();
      const [name] = fs.readdirSync(workspace.files.path(".aqm/replaced"));
      workspace.files.write(`.aqm/replaced/${name}/out/a`, "scribbled over");
      workspace.files.write("out/a", "mine");
      const { notices } = await workspace.build();
      expect(notices[0]).toMatch(new RegExp(`kept in \\.aqm/replaced/${name}-2/out/a$`));
      expect(workspace.files.read(`.aqm/replaced/${name}-2/out/a`)).toBe("mine");
      workspace.files.write("out/a", "mine");
      expect((await workspace.build()).notices).toEqual(notices);
    },
  );

  it.runIf(WIDE)(
    "where links led: to files elsewhere, within the folder, and nowhere",
    async () => {
      const at = (path: string): string => workspace.files.path(path);
      workspace.files.write("drafts/one", "a draft");
      workspace.files.write("drafts/more/two", "another");
      workspace.files.write("made/own", "own");
      fs.mkdirSync(at("out"));
      fs.symlinkSync("../drafts/one", at("out/a"));
      fs.symlinkSync("own", at("made/within"));
      fs.symlinkSync(at("made/own"), at("made/absolute"));
      fs.symlinkSync("../drafts/one", at("made/elsewhere"));
      fs.symlinkSync("../drafts/more", at("made/folder"));
      fs.symlinkSync("../drafts/gone", at("made/nowhere"));
      const { code, notices } = await workspace.build();
      expect(code).toBe(0);
      const places = notices.map((notice) => notice.replace(/^.* is kept in /, "")).sort();
      const [made = "", a = ""] = [...places].sort((x, y) => x.length - y.length);
      workspace.files.write("drafts/one", "written over");
      expect(workspace.files.read(a)).toBe("a draft");
      const texts = ["own", "within", "absolute", "elsewhere", "folder/two"];
      expect(texts.map((name) => workspace.files.read(`${made}/${name}`))).toEqual([
        "own",
        "own",
        "own",
        "a draft",
        "another",
      ]);
      expect(fs.readlinkSync(at(`${made}/nowhere`))).toBe(at("drafts/gone"));
      expect(fs.realpathSync(at(`${made}/absolute`))).toBe(at(`${made}/own`));
    },
  );

  it.runIf(WIDE)("a link that leads nowhere in an output's place, too", async () => {
    await workspace.build();
    fs.rmSync(workspace.files.path("out/a"));
    fs.symlinkSync("../unmounted/a", workspace.files.path("out/a"));
    const { notices } = await workspace.build();
    expect(workspace.files.read("out/a")).toBe("one");
    const place = notices[0]?.replace(/^.* is kept in /, "") ?? "";
    expect(fs.readlinkSync(workspace.files.path(place))).toBe(workspace.files.path("unmounted/a"));
  });
});

describe("an output that becomes a folder, or a folder that becomes an output", () => {
  const at = (output: string): void => workspace.declare(copyOf('file("in.txt")', output));

  it("steps aside when aqm made it, also for what lies deeper or in other folders of the state", async () => {
    at("out/report");
    await workspace.build();
    at("out/report/deep/index.txt");
    expect((await workspace.says("build", "--dry-run")).text).toContain("1 to run, 0 fresh");
    const { code, notices } = await workspace.build();
    expect([code, notices]).toEqual([0, []]);
    expect(workspace.files.read("out/report/deep/index.txt")).toBe("one");
    expect((await workspace.says("verify")).code).toBe(0);
    at("out/report");
    expect(await workspace.build()).toMatchObject({ code: 0, notices: [] });
    expect(workspace.files.read("out/report")).toBe("one");
    expect(workspace.files.exists(".aqm/replaced")).toBe(false);
  });

  it.runIf(WIDE)(
    "is kept when a person edited it, or laid files beside what aqm made",
    async () => {
      at("out/report");
      await workspace.build();
      workspace.files.write("out/report", "edited");
      at("out/report/index.txt");
      expect((await workspace.build()).notices).toHaveLength(1);
      expect(kept()).toEqual({ "out/report": "edited" });
      workspace.files.write("out/report/mine.txt", "mine");
      at("out/report");
      expect((await workspace.build()).notices).toHaveLength(1);
      expect(Object.values(kept()).sort()).toEqual(["edited", "mine", "one"]);
    },
  );

  it.runIf(WIDE)("lets a restored output in as well as one that is made", async () => {
    at("out/report/index.txt");
    await workspace.build();
    fs.rmSync(workspace.files.path("out"), { recursive: true });
    workspace.files.write("out", "a person's file in the folder's place");
    const { code, events, notices } = await workspace.build();
    expect(code).toBe(0);
    expect(events.at(-1)).toMatchObject({ restored: 1 });
    expect(notices).toHaveLength(1);
    expect(kept()).toEqual({ out: "a person's file in the folder's place" });
  });

  it.runIf(WIDE)(
    "does not stop the record of the new target, whatever records lie there",
    async () => {
      at("out/report");
      await workspace.build();
      at("out/report.json/index.txt");
      expect((await workspace.build()).code).toBe(0);
      expect(workspace.files.exists("aqm.lock/out/report.json/index.txt.json")).toBe(true);
      at("out/report");
      expect((await workspace.build()).code).toBe(0);
      expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 1 });
    },
  );
});

describe("nothing is kept, and nothing said", () => {
  it.each(
    sample(
      [
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
      ],
      1,
    ),
  )("%s", async (_what, happens) => {
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

it.runIf(WIDE)(
  "empty folders in a folder output count for nothing: fresh before and after a restore",
  async () => {
    await workspace.build();
    expect(workspace.files.exists("made/empty")).toBe(true);
    expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 2 });
    fs.rmSync(workspace.files.path("made"), { recursive: true });
    expect((await workspace.build()).events.at(-1)).toMatchObject({ restored: 1 });
    expect(workspace.files.exists("made/empty")).toBe(false); // Git would not keep it either
    expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 2 });
  },
);

describe("litter in a folder output", () => {
  it("makes nothing stale, and is kept when it is a person's work", async () => {
    await workspace.build();
    workspace.files.write("made/.DS_Store", "?");
    workspace.files.write("made/sub/#x#", "unsaved");
    workspace.files.write("made/.git/HEAD", "a repository");
    expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 2 });
    expect((await workspace.says("clean", "made")).text).toMatch(
      /^kept made: made\/.* is not of aqm\n$/,
    );
    workspace.files.write("in.txt", "two");
    expect((await workspace.build()).notices).toHaveLength(1);
    expect(kept()).toMatchObject({ "made/sub/#x#": "unsaved", "made/.git/HEAD": "a repository" });
    expect(filesBelow(workspace.files.path("made"))).toEqual(["sub/x"]);
  });

  it("is refused when an op writes it: no digest would tell of it", async () => {
    workspace.writes(`fs.mkdirSync(outputs.made.path);
      fs.writeFileSync(outputs.made.path + "/a", "");
      fs.writeFileSync(outputs.made.path + "/a~", "");`);
    const { failures } = await workspace.build();
    expect(failures.get("made")?.cause).toMatch(/^a~ in it is named like litter/);
  });
});
