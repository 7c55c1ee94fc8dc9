import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { WIDE } from "../rig/wide.ts";
import { copyOf, madeFrom, OddWorkspace } from "./odd-workspace.ts";

let workspace: OddWorkspace;
afterEach(() => workspace.remove());

const NAMES = [
  "with spaces .txt",
  "two\nlines.txt",
  "a\ttab.txt",
  "\u{1f4a9} emoji.txt",
  "-rf",
  "100%~#?*'\"$HOME`.txt",
  "e\u0301 decomposed.txt",
  "\u001b[31mred.txt",
  "=?utf-8.txt",
];

describe("names that trip others", () => {
  it("work as source, output, and in folders: build, no-op, edit, restore, gc", async () => {
    const sources = Object.fromEntries(NAMES.map((name) => [`in/${name}`, `one ${name}`]));
    workspace = new OddWorkspace(
      { ...sources, ...Object.fromEntries(NAMES.map((name) => [`tree/${name}/${name}`, name])) },
      NAMES.map((name) => copyOf(`file(${JSON.stringify(`in/${name}`)})`, `out/${name}`)).join("") +
        madeFrom('{ tree: folder("tree") }', '{ made: committed("made", "folder") }'),
      "fs.cpSync(inputs.tree.path, outputs.made.path, { recursive: true });",
    );
    const { files } = workspace;
    const targets = [...NAMES.map((name) => `out/${name}`), "made"].sort();
    const made = (name: string): string[] => [
      files.read(`out/${name}`),
      files.read(`made/${name}/${name}`),
    ];

    expect([...(await workspace.build()).ran].sort()).toEqual(targets);
    for (const name of NAMES) expect(made(name)).toEqual([`one ${name}`, name]);
    expect((await workspace.build()).ran).toEqual([]);

    for (const name of NAMES) files.write(`in/${name}`, `two ${name}`);
    files.write(`tree/${NAMES[1] ?? ""}/${NAMES[1] ?? ""}`, "edited");
    const edited = await workspace.build();
    expect([...edited.ran].sort()).toEqual(targets);
    expect(edited.notices).toEqual([]); // nothing but its own outputs was replaced

    for (const folder of ["out", "made"]) fs.rmSync(files.path(folder), { recursive: true });
    await workspace.says("gc", "--max-size", "0");
    const restored = await workspace.build();
    expect(restored.ran).toEqual([]);
    expect(restored.events.at(-1)).toMatchObject({ restored: targets.length });
    for (const name of NAMES) expect(files.read(`out/${name}`)).toBe(`two ${name}`);
    expect(files.read(`made/${NAMES[1] ?? ""}/${NAMES[1] ?? ""}`)).toBe("edited");
  });

  it.runIf(WIDE)("never make two lines, or a colour, of one in a text view", async () => {
    const name = "two\n\u001b[31mlines.txt";
    workspace = new OddWorkspace(
      { [`in/${name}`]: "a" },
      copyOf(`file(${JSON.stringify(`in/${name}`)})`, name),
    );
    const shown = "two\\n\\u001b[31mlines.txt";
    expect((await workspace.says("build", "--dry-run")).text.split("\n")[0]).toBe(
      `run      ${shown}`,
    );
    expect((await workspace.says("list")).text).toBe(`${shown}\n`);
    const built = await workspace.says("build");
    expect(built.text).toContain(`ran      ${shown} `);
    expect(built.text.split("\n")).toHaveLength(4); // planned, ran, done, and the last line break
    fs.rmSync(workspace.files.path(`in/${name}`));
    expect((await workspace.says("why", name)).text).toContain(`because in/${shown} is missing`);
    expect((await workspace.says("build", "nothing\nlike it")).text).toContain(
      "No rule makes nothing\\nlike it",
    );
  });
});

/** Two names that are not UTF-8, and one only to Node: read as text, they are all the same. */
const bytes = (folder: string, byte: number): Buffer =>
  Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([byte])]);

// Some file systems refuse such names, which is fine, too.
const takesBytes = ((): boolean => {
  const folder = fs.mkdtempSync("/tmp/aqm-bytes-");
  try {
    fs.writeFileSync(bytes(folder, 0xe9), "");
    return true;
  } catch {
    return false;
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
})();

describe.skipIf(!takesBytes)(
  "names that are no UTF-8 (skipped where the file system refuses them)",
  () => {
    it("in a source folder are an error that names the folder", async () => {
      workspace = new OddWorkspace(
        { "tree/sub/a": "a" },
        madeFrom('{ tree: folder("tree") }', '{ made: committed("made") }'),
      );
      for (const byte of [0xe9, 0xe8])
        fs.writeFileSync(bytes(workspace.files.path("tree/sub"), byte), "x");
      const { code, text } = await workspace.says("build", "--dry-run", "--check");
      expect(code).toBe(12);
      expect(text).toMatch(
        /tree cannot be read: a name in sub in it is not UTF-8: caf[\u00e8\u00e9] /,
      );
    });

    it("that an op writes are an error, and nothing is recorded", async () => {
      workspace = new OddWorkspace(
        {},
        madeFrom("{}", '{ made: committed("made", "folder") }'),
        `fs.mkdirSync(outputs.made.path);
       fs.writeFileSync(Buffer.concat([Buffer.from(outputs.made.path + "/caf"), Buffer.from([0xe9])]), "x");`,
      );
      const { code, failures } = await workspace.build();
      expect(code).toBe(1);
      expect(failures.get("made")).toMatchObject({
        reason: "output_invalid",
        message: "What the op wrote as made cannot be kept",
        cause: "a name in it is not UTF-8: caf\u00e9 (read as Latin-1)",
        place: { file: "made" },
      });
      expect(workspace.files.exists("made")).toBe(false);
      expect(workspace.files.exists("aqm.lock/made.json")).toBe(false);
    });
  },
);
