import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sample, WIDE } from "../rig/wide.ts";
import { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

/** Ways in which a build system can be wrong once, each found by trying. */
let workspace: TestWorkspace;
beforeEach(() => (workspace = textWorkspace()));
afterEach(() => workspace.remove());

const build = async (env: Readonly<Record<string, string>> = {}): Promise<string> => {
  const { stdout, stderr } = await workspace.aqm(["build"], { env });
  return stdout + stderr;
};
/** Builds until nothing is too fresh to be remembered, so that every shortcut is taken. */
async function settled(): Promise<void> {
  await build();
  for (let look = 0; look < 20 && !workspace.exists(".aqm/fresh"); look++) await build();
}

describe("a changed op is never taken for the old one", () => {
  it("when an enum of another module is inlined", async () => {
    workspace.write("rules/ops/word.ts", 'export const enum Word { A = "one" }\n');
    workspace.edit(
      "rules/ops/count.ts",
      "export const version",
      'import { Word } from "./word.ts";\nexport const version',
    );
    workspace.edit("rules/ops/count.ts", 'length + "\\n"', "length + Word.A");
    await settled();
    expect(workspace.read("out/length.txt")).toBe("37one");
    workspace.edit("rules/ops/word.ts", "one", "two");
    expect(await build()).toContain("1 ran");
    expect(workspace.read("out/length.txt")).toBe("37two");
  });

  it("when the link that leads to a module is set to another one", async () => {
    workspace.write("rules/ops/other.ts", 'export const sign = "**\\n";\n');
    fs.renameSync(workspace.path("rules/ops/sign.ts"), workspace.path("rules/ops/first.ts"));
    fs.symlinkSync("first.ts", workspace.path("rules/ops/sign.ts"));
    await settled();
    fs.rmSync(workspace.path("rules/ops/sign.ts"));
    fs.symlinkSync("other.ts", workspace.path("rules/ops/sign.ts"));
    await build();
    expect(workspace.read("out/joined.txt")).toContain("**");
  });

  it("when package.json maps its import to another module", async () => {
    workspace.write("rules/ops/other.ts", 'export const sign = "**\\n";\n');
    const manifest = (file: string): string =>
      JSON.stringify({ type: "module", imports: { "#sign": `./rules/ops/${file}` } });
    workspace.write("package.json", manifest("sign.ts"));
    workspace.edit("rules/ops/shout.ts", '"./sign.ts"', '"#sign"');
    await settled();
    workspace.write("package.json", manifest("other.ts"));
    await build();
    expect(workspace.read("out/joined.txt")).toContain("**");
  });

  it("in a copy of the workspace, whose caches came along", async () => {
    await settled();
    const elsewhere = fs.mkdtempSync(join(tmpdir(), "aqm-copy-"));
    fs.cpSync(workspace.root, join(elsewhere, "copy"), { recursive: true });
    const copy = TestWorkspace.at(join(elsewhere, "copy"));
    copy.edit("rules/ops/sign.ts", "--", "==");
    await copy.aqm(["build"]);
    expect(copy.read("out/joined.txt")).toContain("==");
    fs.rmSync(elsewhere, { recursive: true });
  });
});

describe("a declaration is never taken for the old one", () => {
  it("when the Aqmfile looks at its environment", async () => {
    workspace.edit(
      "Aqmfile.ts",
      "params: { loud }",
      'params: { loud: process.env["QUIET"] === undefined && loud }',
    );
    await settled();
    await build({ QUIET: "1" });
    expect(workspace.read("out/joined.txt")).toContain("roses");
  });

  it("when an input's patterns match nothing any more", async () => {
    workspace.edit(
      "Aqmfile.ts",
      'file("poems/" + name + ".txt", { obtain: "write a poem" })',
      'folder("poems", { include: ["*.txt"] })',
    );
    workspace.edit("Aqmfile.ts", "configuration, file,", "configuration, folder,");
    workspace.edit("rules/ops/shout.ts", "inputs.poem.text()", "inputs.poem.path");
    await settled();
    workspace.edit("Aqmfile.ts", "*.txt", "*.poem");
    expect(await build()).toContain("nothing in it matches *.poem");
  });

  it("when a source that nobody has to obtain is deleted", async () => {
    workspace.edit("Aqmfile.ts", ', { obtain: "write a poem" }', "");
    await settled();
    fs.rmSync(workspace.path("poems/one.txt"));
    const { code, stdout } = await workspace.aqm(["build", "--dry-run", "--check"]);
    expect(code).toBe(12);
    expect(stdout).toContain("poems/one.txt is missing");
  });
});

describe("one target is never taken for another", () => {
  it.each([
    ["~ in the one is / in the other", "big~one.txt"],
    [
      "they begin alike for hundreds of characters",
      `${"模型层敏感度分析结果报告".repeat(3)}/x.txt`,
    ],
  ])("when %s", async (_what, name) => {
    workspace.edit(
      "Aqmfile.ts",
      '"big/" + name + ".txt"',
      `name === "one" ? "big/one.txt" : ${JSON.stringify(name)}`,
    );
    expect(await build()).toContain("4 ran");
    expect(workspace.read("big/one.txt")).toContain("ROSES");
    expect(workspace.read(name)).toContain("VIOLETS");
  });
});

describe("a mistake is never taken for success", () => {
  it.runIf(WIDE)("when the Aqmfile ends the process", async () => {
    workspace.edit("Aqmfile.ts", "const shout =", "process.exit(0);\nconst shout =");
    const { code, stderr } = await workspace.start(["build"]).finished;
    expect(code).toBe(1);
    expect(stderr).toContain("the command ended without an answer");
  });

  it("when an op ends the process", async () => {
    workspace.edit("rules/ops/count.ts", "return ok", "process.exit(0);\nreturn ok");
    const { code, stderr } = await workspace.start(["build"]).finished;
    expect(code).toBe(2);
    expect(stderr).toContain("The op reads process");
  });

  it.each(sample(["new Map()", "NaN", "undefined", "new Date(0)", "1n", "() => 1"], 2))(
    "when a parameter is %s, which JSON cannot hold",
    async (value) => {
      workspace.edit("Aqmfile.ts", "params: { loud }", `params: { loud: ${value} as never }`);
      const { code, stderr } = await workspace.aqm(["build"]);
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /error Aqmfile\.ts:7:3: params\.loud is .*, which JSON cannot hold\n {2}target {2}big\/one\.txt/,
      );
    },
  );

  it("when an op changes the parameters that it was given", async () => {
    workspace.edit(
      "rules/ops/shout.ts",
      "const text",
      "(params as { loud: boolean }).loud = false;\n  const text",
    );
    await build();
    expect(await build()).toContain("0 ran");
  });

  it.each([
    ["out/joined.txt/../../x", "has a . or .. part"],
    [".git/config", "belongs to Git"],
    ["Aqmfile.ts", "is read before anything is built"],
  ])("when an output is %s", async (path, problem) => {
    workspace.edit("Aqmfile.ts", '"out/length.txt"', JSON.stringify(path));
    expect(await build()).toContain(problem);
  });
});
