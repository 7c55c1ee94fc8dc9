import * as fs from "node:fs";
import { dirname } from "node:path";
import { describe, expect, it } from "vitest";
import { History } from "../../src/host/records/history.ts";
import { fileNameOf, layoutOf, type Layout } from "../../src/host/disk/layout.ts";
import {
  intentText,
  publish,
  recoverPublications,
  type Books,
} from "../../src/host/publish/publication.ts";
import { Records } from "../../src/host/records/records.ts";
import type { ActionRecord } from "../../src/model/record.ts";
import { committed, graphOf, nodeOf } from "./support/graphs.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";
import { recordOf } from "./support/records.ts";

/*
 * One action with two files and a folder as outputs. Each test puts the workspace into a state in
 * which a crash may have left it, and lets the next command recover.
 */
const node = nodeOf(
  graphOf({
    makes: {
      one: committed("out/one"),
      two: committed("out/two"),
      folder: committed("out/folder", "folder"),
    },
  }),
  "out/one",
);
const OLD = recordOf(node, { one: "old", two: "old" });
const NEW = recordOf(node, { one: "new", two: "new" }, 2);
const STAGE = `.aqm/stage/${fileNameOf("out/one")}`;
const MOVES = [
  { from: `${STAGE}/one/one`, to: "out/one" },
  { from: `${STAGE}/two/two`, to: "out/two" },
  { from: `${STAGE}/folder/folder`, to: "out/folder" },
];
const JOURNAL = `.aqm/journal/${fileNameOf("out/one")}.json`;

interface Crashed {
  readonly folder: Folder;
  readonly layout: Layout;
  readonly record: () => ActionRecord | null;
  readonly recover: () => Promise<readonly string[]>;
}

const recordsOf = (layout: Layout): Records => new Records(layout.lockRecords);
const booksOf = (layout: Layout): Books => ({
  records: recordsOf(layout),
  history: new History(layout.history),
});

/** Old outputs in place, new ones staged. */
function workspace(): Crashed {
  const folder = new Folder({
    "out/one": "old",
    "out/two": "old",
    "out/folder/old": "old",
    [`${STAGE}/one/one`]: "new",
    [`${STAGE}/two/two`]: "new",
    [`${STAGE}/folder/folder/new`]: "new",
  });
  const layout = layoutOf(folder.path, REPOSITORY);
  recordsOf(layout).write(OLD);
  return {
    folder,
    layout,
    record: () => recordsOf(layout).record(node),
    recover: async () => {
      // What the record says of the new content, when that is what is there.
      const digestOf = (path: string): Promise<string | null> => {
        const place = folder.at(path);
        const isNew = fs.statSync(place).isDirectory()
          ? fs.readdirSync(place).includes("new")
          : fs.readFileSync(place, "utf8") === "new";
        const output = Object.values(NEW.outputs).find((one) => one.path === path);
        return Promise.resolve(isNew ? (output?.digest ?? null) : null);
      };
      return (await recoverPublications(layout, booksOf(layout), digestOf)).finished;
    },
  };
}

const intent = (folder: Folder): void => folder.write(JOURNAL, intentText(MOVES, NEW));

function move(folder: Folder, step: number): void {
  const { from = "", to = "" } = MOVES[step] ?? {};
  fs.rmSync(folder.at(to), { recursive: true, force: true });
  fs.mkdirSync(dirname(folder.at(to)), { recursive: true });
  fs.renameSync(folder.at(from), folder.at(to));
}

function expectNew({ folder, record }: Crashed): void {
  expect(folder.read("out/one")).toBe("new");
  expect(folder.read("out/two")).toBe("new");
  expect(fs.readdirSync(folder.at("out/folder"))).toEqual(["new"]);
  expect(record()).toEqual(NEW);
  expect(fs.readdirSync(folder.at(".aqm/journal"))).toEqual([]);
}

function expectOld({ folder, record }: Crashed): void {
  expect(folder.read("out/one")).toBe("old");
  expect(folder.read("out/two")).toBe("old");
  expect(fs.readdirSync(folder.at("out/folder"))).toEqual(["old"]);
  expect(record()).toEqual(OLD);
}

describe("publishing", () => {
  it("replaces files and folders and the record, and leaves no intent behind", async () => {
    const state = workspace();
    publish(state.layout, booksOf(state.layout), MOVES, NEW);
    expectNew(state);
    expect(await state.recover()).toEqual([]);
  });

  it("makes the folders above a new output", () => {
    const state = workspace();
    state.folder.remove("out");
    publish(state.layout, booksOf(state.layout), MOVES, NEW);
    expectNew(state);
  });
});

describe("after a crash", () => {
  it.each(["before", "after"])("%s a region was filled, it is filled once", async (when) => {
    const path = "README.md#runs";
    const region = { path, kind: "region", keep: "committed" } as const;
    const both = nodeOf(
      graphOf({ makes: { one: committed("out/one"), table: region } }),
      "out/one",
    );
    const record = recordOf(both, { one: "new", table: "new\n" });
    const text = (content: string): string =>
      `# Mine\n<!-- aqm:runs begin -->\n${content}<!-- aqm:runs end -->\nmine`;
    const staged = `${STAGE}/table/README.md#runs`;
    const folder = new Folder({
      "out/one": "new",
      "README.md": text(when === "before" ? "old\n" : "new\n"),
      [staged]: "new\n",
    });
    const layout = layoutOf(folder.path, REPOSITORY);
    const moves = [MOVES[0], { from: staged, to: path, region: true } as const].flatMap(
      (move) => move ?? [],
    );
    folder.write(JOURNAL, intentText(moves, record));
    const looked: unknown[] = [];
    const digestOf = (place: string, isRegion: boolean): Promise<string | null> => {
      looked.push([place, isRegion]);
      return Promise.resolve(
        Object.values(record.outputs).find((output) => output.path === place)?.digest ?? null,
      );
    };
    const { finished } = await recoverPublications(layout, booksOf(layout), digestOf);
    expect(finished).toEqual(["out/one"]);
    expect(folder.read("README.md")).toBe(text("new\n"));
    expect(folder.exists(staged)).toBe(false);
    expect(looked).toEqual([
      ["out/one", false],
      [path, true],
    ]);
  });

  it("before the intent was written, everything is as before", async () => {
    const state = workspace();
    expect(await state.recover()).toEqual([]);
    expectOld(state);
  });

  it.each([
    ["torn", `{"schema":1,"moves":[`],
    ["empty", ""],
    [
      "with a record that is not whole",
      JSON.stringify({ schema: 1, moves: MOVES, record: { ...NEW, key: OLD.key } }),
    ],
  ])("with an intent that is %s, everything is as before", async (_, text) => {
    const state = workspace();
    state.folder.write(JOURNAL, text);
    expect(await state.recover()).toEqual([]);
    expectOld(state);
    expect(state.folder.exists(JOURNAL)).toBe(false);
  });

  it("while the intent was written under its temporary name, everything is as before", async () => {
    const state = workspace();
    intent(state.folder);
    fs.renameSync(state.folder.at(JOURNAL), state.folder.at(`${JOURNAL}.ab12.tmp`));
    expect(await state.recover()).toEqual([]);
    expectOld(state);
    expect(fs.readdirSync(state.folder.at(".aqm/journal"))).toEqual([]);
  });

  it.each([0, 1, 2, 3])("after %i of 3 moves, the rest is done", async (moved) => {
    const state = workspace();
    intent(state.folder);
    for (let step = 0; step < moved; step++) move(state.folder, step);
    expect(await state.recover()).toEqual(["out/one"]);
    expectNew(state);
  });

  it("between the two steps that replace a folder, the new one takes its place", async () => {
    const state = workspace();
    intent(state.folder);
    move(state.folder, 0);
    move(state.folder, 1);
    const aside = state.folder.at(`.aqm/stage/${fileNameOf("out/folder")}.old`);
    fs.renameSync(state.folder.at("out/folder"), aside);
    expect(await state.recover()).toEqual(["out/one"]);
    expectNew(state);
    expect(fs.existsSync(aside)).toBe(false);
  });

  it("with the old folder still aside, it is cleared away", async () => {
    const state = workspace();
    intent(state.folder);
    const aside = `.aqm/stage/${fileNameOf("out/folder")}.old`;
    state.folder.write(`${aside}/old`, "old");
    expect(await state.recover()).toEqual(["out/one"]);
    expectNew(state);
  });

  it("with the record written but the intent still there, nothing is lost", async () => {
    const state = workspace();
    intent(state.folder);
    for (let step = 0; step < 3; step++) move(state.folder, step);
    recordsOf(state.layout).write(NEW);
    booksOf(state.layout).history.add(NEW);
    expect(await state.recover()).toEqual(["out/one"]);
    expectNew(state);
  });

  it("believes no record whose outputs were taken away meanwhile", async () => {
    const state = workspace();
    intent(state.folder);
    fs.rmSync(state.folder.at(STAGE), { recursive: true });
    expect(await state.recover()).toEqual([]);
    expect(state.record()).toEqual(OLD);
    expect(fs.readFileSync(state.folder.at("out/one"), "utf8")).toBe("old");
  });

  it.each([
    ["a file outside of the workspace", "out/secret", "../victim"],
    ["an absolute place", "out/secret", "/tmp/victim"],
    ["a file that is no output", "out/secret", "Aqmfile.ts"],
    ["an output, from elsewhere in the workspace", "out/secret", "out/one"],
    ["an output, from outside", ".aqm/stage/../../../secret", "out/one"],
  ])("moves nothing over %s, although the intent is whole", async (_what, from, to) => {
    const state = workspace();
    const { folder } = state;
    folder.write("out/secret", "secret");
    folder.write("Aqmfile.ts", "mine");
    folder.write(JOURNAL, intentText([...MOVES, { from, to }], NEW));
    expect(await state.recover()).toEqual([]);
    expect(fs.readFileSync(folder.at("out/secret"), "utf8")).toBe("secret");
    expect(fs.readFileSync(folder.at("Aqmfile.ts"), "utf8")).toBe("mine");
    expect(fs.readFileSync(folder.at("out/one"), "utf8")).toBe("old");
    expect(fs.existsSync(folder.at("../victim"))).toBe(false);
    expect(fs.existsSync(folder.at(JOURNAL))).toBe(false);
  });

  it("recovers twice as well as once", async () => {
    const state = workspace();
    intent(state.folder);
    await state.recover();
    expect(await state.recover()).toEqual([]);
    expectNew(state);
  });
});
