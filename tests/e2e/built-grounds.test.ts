import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { sample } from "../rig/wide.ts";
import { copyOf, madeFrom, OddWorkspace } from "./odd-workspace.ts";

let workspace: OddWorkspace;
afterEach(() => workspace.remove());

const FILES = {
  "in.txt": "a",
  "package.json": "{}",
  "tsconfig.json": '{ "extends": "./base.json" }',
  "base.json": "{}",
  "rules/words.ts": 'export const sign = "--";\n',
  "rules/ops/shout.ts": `import { ok } from "aqm";
import { sign } from "../words.ts";
export const version = 1;
export function run(call: any): any {
  return ok({ text: call.inputs.text.text() + sign });
}
`,
};
const shout =
  'action({ op: typescriptOp<any>("rules/ops/shout.ts"), params: {}, inputs: { text: file("in.txt") }, outputs: { text: committed("out/shout") } }),\n';
const made = madeFrom('{ text: file("in.txt") }', '{ made: committed("made") }');

describe("an output at the place of what decides the graph is refused with its line, before anything runs", () => {
  it.each(
    sample(
      [
        ["its own op", "rules/ops/copy.ts"],
        ["another op", "rules/ops/shout.ts"],
        ["a helper of an op", "rules/words.ts"],
        ["the compiler's configuration", "tsconfig.json"],
        ["what that extends", "base.json"],
        ["package.json", "package.json"],
        ["a requirements file", "fake.in"],
        ["a lock file", "fake.lock"],
        ["the module of a Python op", "python/aqm_runner/ops/file_made.py"],
        ["the declaration of a Python op", "python/aqm_runner/ops/file_made.json"],
        ["a package of Python ops", "python/aqm_runner/__init__.py"],
        ["all rules, as a file", "rules"],
        ["an op, by way of a link", "linked/copy.ts"],
        ["where an op's link leads", "elsewhere/ours.ts"],
      ],
      4,
    ),
  )("%s", async (_what, path) => {
    workspace = new OddWorkspace(FILES, copyOf('file("in.txt")', path) + shout + made);
    const { files } = workspace;
    fs.symlinkSync("rules/ops", files.path("linked"));
    if (path.startsWith("elsewhere")) {
      fs.mkdirSync(files.path("elsewhere"));
      fs.renameSync(files.path("rules/ops/shout.ts"), files.path(path));
      fs.symlinkSync(join("../..", path), files.path("rules/ops/shout.ts"));
      files.edit(path, '"../words.ts"', '"../rules/words.ts"');
    }
    const { code, text } = await workspace.says("build");
    expect(text).toMatch(/^error Aqmfile\.ts:5:\d+: The output/);
    expect(text).toContain("which is read before anything is built");
    expect(code).toBe(2);
    expect(files.exists("out/shout")).toBe(false);
  });

  it("as a folder that holds it", async () => {
    const inside = madeFrom('{ text: file("in.txt") }', '{ made: committed("rules", "folder") }');
    workspace = new OddWorkspace(FILES, inside + shout);
    const { code, text } = await workspace.says("build");
    expect(text).toMatch(
      /The output rules holds rules\/\S+, which is read before anything is built/,
    );
    expect(code).toBe(2);
  });

  it("also in a variant", async () => {
    workspace = new OddWorkspace(
      {
        ...FILES,
        "conf/schema/knob.schema.json": '{ "type": "object" }',
        "conf/knob/basic.yaml": "size: 1\n",
      },
      copyOf('file("in.txt")', "rules/words.ts") + shout,
    );
    const { text } = await workspace.says("build", "--dry-run", "--set", "knob.size=2");
    expect(text).toMatch(/Aqmfile\.ts:5:\d+: .*The output rules\/words\.ts/);
  });
});

it("an output beside them is an output like any other", async () => {
  workspace = new OddWorkspace(FILES, copyOf('file("in.txt")', "rules/words.md") + shout);
  expect((await workspace.build()).code).toBe(0);
});
