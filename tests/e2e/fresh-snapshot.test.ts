import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sample, WIDE } from "../rig/wide.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { checksum } from "../../src/host/disk/checksum.ts";
import { textWorkspace } from "./text-workspace.ts";

/**
 * After a build that finds everything fresh, the next one answers from the stats of the files alone.
 * Every way in which the answer could be wrong is tried.
 */
let workspace: TestWorkspace;

beforeEach(async () => {
  workspace = textWorkspace();
  workspace.edit(
    "Aqmfile.ts",
    'poem: file("poems/" + name + ".txt", { obtain: "write a poem" })',
    'poem: file("poems/" + name + ".txt"), all: folder("poems")',
  );
  workspace.edit("Aqmfile.ts", "configuration, file,", "configuration, file, folder,");
  workspace.edit("rules/ops/shout.ts", '"poem">', '"poem" | "all">');
  // The compiler looks for tsconfig.json/tsconfig.json, too: a place below a file.
  workspace.write("rules/tsconfig.json", `{ "extends": "../tsconfig.json" }\n`);
  workspace.write("tsconfig.json", "{}\n");
  expect((await workspace.aqm(["build"])).code).toBe(0);
  await snapshotTaken();
});
afterEach(() => workspace.remove());

/** Sources that were written a clock tick before the build are looked at once more. */
async function snapshotTaken(): Promise<void> {
  for (let before = ""; before !== snapshot().toString("hex");) {
    before = snapshot().toString("hex");
    expect(await answer()).toContain("0 ran, 4 fresh");
  }
}

/** The snapshot itself, or what lies beside it. */
const snapshotFile = (ending = ""): string => {
  const names = fs.readdirSync(workspace.path(".aqm/fresh"));
  const [name = ""] = names.filter((one) => one.endsWith(ending || one.slice(0, 32)));
  expect(name).toHaveLength(32 + ending.length);
  return workspace.path(`.aqm/fresh/${name}`);
};
const snapshot = (): Buffer => {
  const delta = `${snapshotFile()}.delta`;
  const parts = [snapshotFile(), ...(fs.existsSync(delta) ? [delta] : [])];
  return Buffer.concat(parts.map((path) => fs.readFileSync(path)));
};

const answer = async (): Promise<string> => (await workspace.aqm(["build"])).stdout;

describe("a snapshot of freshness", () => {
  it("answers without loading anything else", async () => {
    fs.rmSync(workspace.path(".aqm/compiled"), { recursive: true });
    fs.rmSync(workspace.path(".aqm/stat-cache"));
    // In processes of their own: what answers at once writes past the streams of Node.
    const asked = async (...args: string[]): Promise<string> =>
      (await workspace.start(["build", ...args]).finished).stdout;
    expect(await asked()).toMatch(/^done: 0 ran, 4 fresh/);
    expect(workspace.exists(".aqm/compiled")).toBe(false);
    expect(await asked("--dry-run", "--check")).toBe("0 to run, 4 fresh\n");
    expect(workspace.exists(".aqm/compiled")).toBe(false);
  });

  it.each(
    sample<[string, (w: TestWorkspace) => void, string]>(
      [
        ["a source", (w) => w.write("poems/one.txt", "roses are RED\n"), "1 ran|2 ran|3 ran|4 ran"],
        [
          "a source, with the same size and its old times",
          (w) => rewriteQuietly(w, "poems/one.txt"),
          "[1-4] ran",
        ],
        [
          "a new file in a folder that is an input",
          (w) => w.write("poems/three.txt", "new\n"),
          "[1-4] ran",
        ],
        [
          "a config value",
          (w) => w.edit("conf/style/plain.yaml", "loud: true", "loud: false"),
          "[1-4] ran",
        ],
        ["an op", (w) => w.edit("rules/ops/count.ts", "length +", "length * 2 +"), "1 ran"],
        ["a helper of an op", (w) => w.edit("rules/ops/sign.ts", "--", "=="), "[1-4] ran"],
        ["the Aqmfile", (w) => w.edit("Aqmfile.ts", '"out/length.txt"', '"out/size.txt"'), "1 ran"],
        ["an output, by hand", (w) => w.write("out/joined.txt", "scribble"), "1 restored"],
        ["an output, deleted", (w) => fs.rmSync(w.path("out/length.txt")), "1 restored"],
        [
          "a lock record, deleted",
          (w) => fs.rmSync(w.path("aqm.lock/out/length.txt.json")),
          "1 restored",
        ],
      ],
      5,
    ),
  )("does not hold after a change of %s", async (_what, change, expected) => {
    change(workspace);
    expect(await answer()).toMatch(new RegExp(expected));
  });

  it("does not hold after a mistake in a config, old or new", async () => {
    workspace.write("conf/style/other.yaml", "loud: maybe\n");
    const { code, stderr } = await workspace.aqm(["build"]);
    expect(code).toBe(2);
    expect(stderr).toContain("conf/style/other.yaml:1:7");
  });

  it("is only about the targets that were asked for", async () => {
    fs.rmSync(workspace.path("big/one.txt"));
    expect((await workspace.aqm(["build", "big/one.txt"])).stdout).toContain("1 restored");
  });

  it.each(
    sample([
      ["cut short", (content: Buffer) => content.subarray(0, content.length - 9)],
      ["with a flipped bit", (content: Buffer) => flip(content, content.length - 20)],
      ["that is empty", () => Buffer.alloc(0)],
    ]),
  )("%s is ignored, and so is such a graph beside it", async (_what, damage) => {
    for (const path of [snapshotFile(), snapshotFile(".graph")]) {
      fs.writeFileSync(path, damage(fs.readFileSync(path)));
      workspace.write("poems/one.txt", `${path}\n`);
      expect(await answer()).toMatch(/[3-4] ran/);
      expect(workspace.read("out/joined.txt")).toContain(path.toUpperCase());
      await snapshotTaken();
    }
  });

  it.runIf(WIDE)(
    "writes only what has changed after an edit, and is as good without it",
    async () => {
      const whole = fs.readFileSync(snapshotFile());
      const edits: readonly [string, (content: Buffer) => Buffer][] = [
        ["as it was", (content) => content],
        ["cut short", (content) => content.subarray(0, content.length - 9)],
        ["flipped", (content) => flip(content, content.length - 20)],
        ["of another snapshot", () => Buffer.from(sealed({ of: "x", rows: [[0, 1, 1, 1, 1, 1]] }))],
      ];
      for (const [text, damage] of edits) {
        workspace.write("poems/one.txt", `${text}\n`);
        expect(await answer()).toMatch(/[3-4] ran/);
        expect(workspace.read("out/joined.txt")).toContain(text.toUpperCase());
        await snapshotTaken();
        const path = snapshotFile(".delta");
        fs.writeFileSync(path, damage(fs.readFileSync(path)));
        expect(await answer()).toContain("0 ran, 4 fresh");
        expect(fs.readFileSync(snapshotFile())).toEqual(whole);
      }
    },
  );
});

function sealed(content: object): string {
  const text = JSON.stringify(content);
  return `${checksum(Buffer.from(text))}\n${text}`;
}

/** What a program does that puts the old times back: only the change time tells. */
function rewriteQuietly(target: TestWorkspace, path: string): void {
  const { atime, mtime } = fs.statSync(target.path(path));
  const text = target.read(path);
  target.write(path, text.replace("red", "rEd"));
  fs.utimesSync(target.path(path), atime, mtime);
}

function flip(content: Buffer, at: number): Buffer {
  const copy = Buffer.from(content);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
