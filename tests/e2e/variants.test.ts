import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TestWorkspace } from "../rig/workspace.ts";
import { variedWorkspace } from "./varied-workspace.ts";
import { WIDE } from "../rig/wide.ts";

let workspace: TestWorkspace;
beforeEach(() => void (workspace = variedWorkspace()));
afterEach(() => workspace.remove());

const text = (path: string): { source: string; lines: string[] } =>
  JSON.parse(workspace.read(path)) as { source: string; lines: string[] };
const answer = async (...args: readonly string[]): Promise<string> => {
  const { stdout, stderr, code } = await workspace.aqm(["build", ...args]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
};
const refusal = async (...args: readonly string[]): Promise<string> => {
  const { stderr, code } = await workspace.aqm(args);
  expect(code).toBe(2);
  return stderr;
};

describe("aqm build --set", () => {
  it("makes a variant below tmp/, shares what it does not touch, and leaves the published alone", async () => {
    await answer("out/calm/small");
    const published = workspace.read("out/calm/small/text.json");
    const lockRecords = (): readonly string[] =>
      fs.readdirSync(workspace.path("aqm.lock"), { recursive: true }).map(String);
    const records = lockRecords();
    const { ran, code } = await workspace.build(["--set", "setting.repeat=2", "out/calm/small"]);
    expect(code).toBe(0);
    expect(ran).toEqual([
      "tmp/setting.repeat=2/out/calm/small/text.json",
      "tmp/setting.repeat=2/out/calm/small/length.txt",
    ]);
    expect(text("tmp/setting.repeat=2/out/calm/small/text.json").lines).toHaveLength(2);
    expect(workspace.read("out/calm/small/text.json")).toBe(published);
    const added = lockRecords().filter((path) => !records.includes(path));
    expect(added.length).toBeGreaterThan(0);
    expect(added.every((path) => path.startsWith("tmp"))).toBe(true);
    expect((await workspace.build(["out/calm/small"])).ran).toEqual([]);
  });

  it.runIf(WIDE)(
    "makes calibration data of its own when the override reaches it, and names it so",
    async () => {
      await answer("out/calm/small");
      const { ran } = await workspace.build(["--set", "dataset.sizes.small=3", "out/calm/small"]);
      expect(ran[0]).toBe("tmp/dataset.sizes.small=3/data/small.txt");
      const made = text("tmp/dataset.sizes.small=3/out/calm/small/text.json");
      expect(made.lines[0]).toBe("one. two. three.");
      expect(made.source).toBe("tmp/dataset.sizes.small=3/data/small.txt");
      expect(workspace.read("data/small.txt")).toBe("one\ntwo\n");
    },
  );

  it("has nothing to do where the value is what the file says", async () => {
    await answer("out/calm/small");
    expect((await workspace.build(["--set", "setting.repeat=1", "out/calm/small"])).ran).toEqual(
      [],
    );
    expect(workspace.exists("tmp")).toBe(false);
  });

  it.runIf(WIDE)("takes another option of a group", async () => {
    await answer("--set", "setting=long", "out/loud/small");
    expect(text("tmp/setting=long/out/loud/small/text.json").lines).toEqual(
      Array(3).fill("one!-two!"),
    );
  });

  it.runIf(WIDE)("takes several, in any order, as one variant; an axis narrows", async () => {
    const sets = ["--set", "setting.repeat=2", "--set", 'setting.join.with=", "'];
    await answer(...sets, "out/calm");
    const [folder] = fs.readdirSync(workspace.path("tmp"));
    expect(folder).toMatch(/^setting\.join\.with=_,_,setting\.repeat=2~[0-9a-f]{10}$/);
    const again = await workspace.build([
      "--set",
      "size=small",
      ...sets.slice(2),
      ...sets.slice(0, 2),
      "out/calm",
    ]);
    expect(again.ran).toEqual([]);
    expect(again.stdout).toContain(`tmp/${folder ?? ""}/out/calm/small/length.txt`);
    expect(again.stdout.split("\n").at(-2)).not.toContain("large");
  });

  it.runIf(WIDE)("remembers its own answer, and never the plain one's", async () => {
    const plain = ["out/calm/small"];
    const varied = ["--set", "setting.repeat=2", ...plain];
    // Until what is young is old enough to be believed, the compiled Aqmfile is needed.
    for (const args of [plain, varied, plain, varied, plain, varied]) await answer(...args);
    const forget = (): void =>
      fs.rmSync(workspace.path(".aqm/compiled"), { recursive: true, force: true });
    forget();
    expect(await answer(...plain)).toContain("0 ran, 3 fresh");
    expect(await answer(...varied)).toContain("0 ran, 3 fresh");
    expect(workspace.exists(".aqm/compiled")).toBe(false);
    workspace.write("tmp/setting.repeat=2/out/calm/small/length.txt", "by hand");
    expect(await answer(...plain)).toContain("0 ran, 3 fresh");
    expect(await answer(...varied)).toContain("1 restored");
    workspace.edit("conf/setting/usual.yaml", "repeat: 1", "repeat: 2");
    expect(await answer(...varied)).toContain("2 ran"); // the published ones: no override is left
    expect(await answer(...plain)).toContain("0 ran, 3 fresh");
  });

  it("is judged by the same rules: a plan, a clean clone of the answer, failures", async () => {
    const { stdout, code } = await workspace.aqm([
      "build",
      "-n",
      "--json",
      "--set",
      "setting.repeat=2",
    ]);
    expect(code).toBe(0);
    const plan = JSON.parse(stdout) as {
      actions: { target: string }[];
      cells: { outcome: string }[];
    };
    expect(plan.actions.map(({ target }) => target)).toEqual([
      "data/small.txt",
      "tmp/setting.repeat=2/out/calm/small/text.json",
      "tmp/setting.repeat=2/out/calm/small/length.txt",
    ]);
    expect(plan.cells).toMatchObject([{ choices: { "setting.repeat": "2" }, outcome: "run" }]);
    const failed = await workspace.aqm(["build", "--set", "setting.repeat=51"]);
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/51 +(failed|blocked)/);
    expect(workspace.exists("tmp/setting.repeat=51/out/calm/small/text.json")).toBe(false);
  });

  it.each([
    ["setting.repeet=2", "conf/setting has no key repeet", "Did you mean repeat?"],
    ["seting.repeat=2", "seting.repeat is neither", "setting"],
    ["setting=lnog", "There is no conf/setting/lnog.yaml", "Did you mean long?"],
    ["setting.repeat=0", "must be >= 1", "setting.schema.json"],
    ["setting.repeat='2'", "must be integer", "setting.schema.json"],
    ["+setting.nota=x", "has no key nota", "Did you mean note?"],
    ["setting.join.with=[", "is not a value", "quotes"],
    ["setting.repeat=1,2", "several values", "aqm sweep"],
    ["tone=lowd", "The axis tone has no value lowd", "Did you mean loud?"],
    ["~setting.repeat", "With ~setting.repeat", "setting.schema.json"],
    ["setting.note=x", "no key note", "+setting.note=x adds a key"],
    ["+setting.repeat.x=5", "repeat is 3, which has no keys", "Set repeat itself"],
    ["setting.__proto__.x=1", "__proto__ is not a key", "Take another name"],
    ["setting.repeat=range(1,4)", "several values", "aqm sweep"],
    ["setting.repeat=glob(*)", "glob(…) is a function of Hydra", "Write the pattern itself"],
    ["repeat", "not an override", "group.key=value"],
  ])("%s is refused: %s", async (set, what, next) => {
    const stderr = await refusal("build", "--set", set, "out/calm/small");
    expect(stderr).toContain(what);
    expect(stderr).toContain(next);
    expect(workspace.exists("tmp")).toBe(false);
    expect(workspace.exists("out")).toBe(false);
  });
});

describe("--set in the other commands", () => {
  const set = ["--set", "setting.repeat=2"];
  const folder = "tmp/setting.repeat=2/out/calm/small";
  const said = async (...args: readonly string[]): Promise<string> => {
    const { stdout, stderr, code } = await workspace.aqm([...args, ...set]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return stdout;
  };

  it.runIf(WIDE)(
    "names targets as the Aqmfile does, and shows them where the variant has them",
    async () => {
      await answer("out/calm/small");
      expect(await said("list", "out/calm/small")).toBe(
        `${folder}/length.txt\n${folder}/text.json\n`,
      );
      const why = await said("why", "out/calm/small");
      expect(why).toContain(`run      ${folder}/length.txt`);
      expect(why).toContain(`run      ${folder}/text.json`);
      expect(await said("graph", "out/calm/small")).toContain(`${folder}/text.json`);
      expect(await said("query", "deps", "out/calm/small/length.txt")).toBe(
        `data/small.txt\n${folder}/text.json\n`,
      );
      const affected = await said("query", "rdeps", "words.txt", "--set", "size=small");
      expect(affected).toContain(`${folder}/text.json`);
      expect(affected).not.toContain("large");
      expect(await said("query", "stale", "out/calm/small")).toContain(`${folder}/text.json`);
    },
  );

  it.runIf(WIDE)("verifies the variant, and cleans nothing but the variant", async () => {
    await answer("out/calm/small");
    await answer(...set, "out/calm/small");
    expect(await said("verify", "out/calm/small")).toContain(`${folder}/text.json`);
    expect(await said("clean", "data", "out/calm/small")).toBe(
      `removed ${folder}/length.txt\nremoved ${folder}/text.json\n` +
        "kept 1 output outside of tmp/, which the settings do not touch\n",
    );
    expect(workspace.exists("out/calm/small/text.json")).toBe(true);
    expect(workspace.exists("data/small.txt")).toBe(true);
  });

  it.each(["why", "list", "graph", "clean", "verify", "watch", "query stale"])(
    "is read the same way by aqm %s: a wrong value and a wrong layout are refused",
    async (command) => {
      const words = [...command.split(" "), "out/calm/small"];
      expect(await refusal(...words, "--set", "setting.repeet=2")).toContain(
        "Did you mean repeat?",
      );
      expect(await refusal(...words, "--layout", "elsewhere")).toContain(
        "There is no layout elsewhere",
      );
    },
  );

  it.runIf(WIDE)("shows the tree below tmp/ with --layout tmp", async () => {
    const { stdout } = await workspace.aqm(["list", "--layout", "tmp", "out/calm/small"]);
    expect(stdout).toBe("tmp/out/calm/small/length.txt\ntmp/out/calm/small/text.json\n");
  });
});

describe("aqm sweep", () => {
  it("reads values, functions and keys by Hydra's grammar, and shows each as it can be typed", async () => {
    const { stdout, stderr } = await workspace.aqm([
      ..."sweep tone=calm size=small setting.repeat=range(2,4)".split(" "),
      "+setting/usual.note=#fff,'a, b'",
    ]);
    expect(stderr).toBe("");
    const table = stdout.slice(stdout.indexOf("tone "));
    expect(table.split("\n").map((line) => line.split(/ {2,}/).slice(2, 4))).toEqual([
      ["setting.repeat", "+setting/usual.note"],
      ["2", '"#fff"'],
      ["2", '"a, b"'],
      ["3", '"#fff"'],
      ["3", '"a, b"'],
      [],
    ]);
  });

  it.runIf(WIDE)("narrows by axes, makes variants of values, and shows every cell", async () => {
    const { stdout, code } = await workspace.aqm([
      ..."sweep tone=loud,calm dataset.size=small setting.repeat=1,2".split(" "),
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain("done: 9 ran");
    const table = stdout.slice(stdout.indexOf("tone  dataset.size"));
    expect(table.split("\n").map((line) => line.split(/ +/))).toEqual([
      ["tone", "dataset.size", "setting.repeat", "outcome", "results"],
      ["loud", "small", "1", "ran", "out/loud/small/"],
      ["loud", "small", "2", "ran", "tmp/setting.repeat=2/out/loud/small/"],
      ["calm", "small", "1", "ran", "out/calm/small/"],
      ["calm", "small", "2", "ran", "tmp/setting.repeat=2/out/calm/small/"],
      [""],
    ]);
    expect(workspace.exists("out/calm/large")).toBe(false);
    const again = await workspace.aqm(["sweep", "pair=x"]);
    expect(again.stderr).toContain("neither an axis");
    const wild = await workspace.aqm(["sweep", "tone=*", "size=small", "setting.repeat=2,1,2"]);
    expect(wild.stdout).toContain("done: 0 ran, 9 fresh");
  });

  it.runIf(WIDE)(
    "takes targets and globs; with --layout tmp everything asked for goes below tmp/",
    async () => {
      await answer("out/calm/small");
      const args = [
        "sweep",
        "--json",
        "--layout",
        "tmp",
        "size=small",
        "setting.repeat=1,2",
        "out/{calm,loud}/**",
      ];
      const { stdout, code } = await workspace.aqm(args);
      expect(code).toBe(0);
      const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
        cells: { results: string[] }[];
      };
      expect(last.cells.map(({ results }) => results)).toEqual([
        ["tmp/out/calm/small/length.txt", "tmp/out/loud/small/length.txt"],
        [
          "tmp/setting.repeat=2/out/calm/small/length.txt",
          "tmp/setting.repeat=2/out/loud/small/length.txt",
        ],
      ]);
      expect(workspace.exists("out/loud")).toBe(false);
      expect(fs.readdirSync(workspace.path("tmp")).sort()).toEqual(["out", "setting.repeat=2"]);
      expect(workspace.exists("data/small.txt")).toBe(true); // shared
      expect(workspace.read("tmp/out/calm/small/text.json")).toBe(
        workspace.read("out/calm/small/text.json"),
      );
    },
  );

  it.each([
    [["tone=calm", "size=smal"], "Did you mean small?"],
    [["tone=calm", "out/loud"], "No target in out/loud has tone=calm"],
    [["out/loud"], "something to sweep over"],
    [["tone=calm", "--layout", "elsewhere"], "There is no layout elsewhere"],
    [["tone=calm", "out/lowd"], "Did you mean out/loud?"],
  ])("%j is refused: %s", async (args, what) => {
    expect(await refusal("sweep", ...args)).toContain(what);
  });
});
