import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sample, WIDE } from "../rig/wide.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

/** What decided the graph, a key or a module is behind a link, or in a config: when that changes, a build sees it. */
let workspace: TestWorkspace;
let elsewhere: string;
beforeEach(() => {
  workspace = textWorkspace();
  elsewhere = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "aqm-elsewhere-")));
});
afterEach(() => {
  workspace.remove();
  fs.rmSync(elsewhere, { recursive: true });
});

const build = async (): Promise<string> => {
  const { stdout, stderr } = await workspace.aqm(["build"]);
  return stdout + stderr;
};

/** Builds until a snapshot has the answer, so that every shortcut is taken. */
async function settled(): Promise<void> {
  await build();
  for (let look = 0; look < 20 && !workspace.exists(".aqm/fresh"); look++) await build();
  expect(await build()).toContain("0 ran");
}

/** Moves what is at a path to `to`, and sets a link to it in its place. */
function moveBehindLink(path: string, to: string): void {
  fs.mkdirSync(dirname(workspace.path(to)), { recursive: true });
  fs.renameSync(workspace.path(path), workspace.path(to));
  setLink(path, to);
}

/** As `ln -sfn` does. */
function setLink(path: string, to: string): void {
  fs.rmSync(workspace.path(path), { force: true });
  fs.symlinkSync(workspace.path(to), workspace.path(path));
}

const copy = (from: string, to: string): void => {
  fs.cpSync(workspace.path(from), workspace.path(to), { recursive: true, verbatimSymlinks: true });
};

/** The outputs, and those of a build that knows nothing of earlier ones. */
async function incrementalAndClean(): Promise<readonly string[]> {
  const outputs = (): string => workspace.read("out/joined.txt") + workspace.read("out/length.txt");
  const incremental = outputs();
  for (const folder of [".aqm", "aqm.lock", "out", "big"])
    fs.rmSync(workspace.path(folder), { recursive: true });
  await build();
  return [incremental, outputs()];
}

describe("a link on the way to code that is set to something else is seen", () => {
  const places: [string, string, string, string, string][] = [
    ["the file of an op", "rules/ops/join.ts", "join.ts", "inputs.a.text() +", '"new" +'],
    ["rules, where only an import of an op differs", "rules", "ops/sign.ts", "--", "=="],
    ["a group of configs", "conf/style", "plain.yaml", "loud: true", "loud: false"],
    ["rules", "rules", "ops/join.ts", "inputs.a.text() +", '"new" +'],
    ["rules/ops", "rules/ops", "join.ts", "inputs.a.text() +", '"new" +'],
    ["the Aqmfile", "Aqmfile.ts", "Aqmfile.ts", "params: { loud }", "params: { loud: false }"],
    ["conf", "conf", "style/plain.yaml", "loud: true", "loud: false"],
    ["a config", "conf/style/plain.yaml", "plain.yaml", "loud: true", "loud: false"],
  ];
  it.each(sample(places))("%s", async (_what, path, inside, from, to) => {
    // One link leads to the next, and the second one is set anew.
    const isFile = path.endsWith(inside);
    moveBehindLink(path, isFile ? `v1/${inside}` : "v1");
    copy("v1", "v2");
    workspace.edit(`v2/${inside}`, from, to);
    setLink("latest", "v1");
    setLink(path, isFile ? `latest/${inside}` : "latest");
    await settled();
    setLink("latest", "v2");
    expect(await build()).not.toContain("0 ran");
    const [incremental, clean] = await incrementalAndClean();
    expect(incremental).toBe(clean);
  });

  it.runIf(WIDE)("a folder that becomes a link, and one that stops to be one", async () => {
    const helpers = (): readonly string[] => {
      const record = JSON.parse(workspace.read("aqm.lock/big/one.txt.json")) as {
        readonly action: { readonly op: { readonly sources: object } };
      };
      return Object.keys(record.action.op.sources).filter((name) => name.endsWith("sign.ts"));
    };
    await settled();
    expect(helpers()).toEqual(["rules/ops/sign.ts"]);
    moveBehindLink("rules", "v1");
    // The op is named by where it really is, as in a build that knows nothing of earlier ones.
    expect(await build()).not.toContain("0 ran");
    expect(helpers()).toEqual(["v1/ops/sign.ts"]);
    fs.rmSync(workspace.path("rules"));
    fs.renameSync(workspace.path("v1"), workspace.path("rules"));
    await build();
    expect(helpers()).toEqual(["rules/ops/sign.ts"]);
  });

  it.runIf(WIDE)(
    "one that makes a source and an output the same place, although only that source changed",
    async () => {
      await settled();
      fs.rmSync(workspace.path("poems/one.txt"));
      setLink("poems/one.txt", "out/joined.txt");
      expect(await build()).toContain("are the same place");
    },
  );
});

describe("what the compiler is told is seen", () => {
  const options = (folder: string): string =>
    JSON.stringify({ compilerOptions: { paths: { "@part/*": [`./${folder}/*`] } } });
  beforeEach(() => {
    workspace.write("one/sign.ts", 'export const sign = "--\\n";\n');
    workspace.write("two/sign.ts", 'export const sign = "==\\n";\n');
    workspace.edit("rules/ops/shout.ts", "./sign.ts", "@part/sign");
  });

  const extending = (base: string | readonly string[]): string =>
    `// comments and trailing commas\n{ "extends": ${JSON.stringify(base)}, }\n`;

  const extended: [string, string, string | readonly string[]][] = [
    ["another that does", "base.json", "./middle.json"],
    ["a file in a package", "node_modules/@my/base/strict.json", "@my/base/strict"],
    ["a file", "base.json", "./base.json"],
    ["a file named without its ending", "base.json", "./base"],
    ["one of several", "base.json", ["./empty.json", "./base.json"]],
    ["a package", "node_modules/base/tsconfig.json", "base"],
  ];
  it.each(sample(extended))("in %s that tsconfig.json extends", async (_what, file, base) => {
    const up =
      file
        .split("/")
        .slice(1)
        .map(() => "..")
        .join("/") || ".";
    workspace.write("empty.json", "{}");
    workspace.write("middle.json", extending("./base.json"));
    workspace.write("tsconfig.json", extending(base));
    workspace.write(file, options(`${up}/one`));
    await settled();
    expect(workspace.read("out/joined.txt")).toContain("--");
    workspace.write(file, options(`${up}/two`));
    await build();
    expect(workspace.read("out/joined.txt")).toContain("==");
  });

  it.runIf(WIDE)(
    "where a file comes that `paths` names first, and where an extended config is a link",
    async () => {
      const both = { compilerOptions: { paths: { "@part/*": ["./two/*", "./one/*"] } } };
      workspace.write("tsconfig.json", extending("./base.json"));
      workspace.write("v1.json", options("one"));
      workspace.write("v2.json", JSON.stringify(both));
      setLink("base.json", "v1.json");
      fs.renameSync(workspace.path("two/sign.ts"), workspace.path("two/later.ts"));
      await settled();
      setLink("base.json", "v2.json");
      await settled();
      fs.renameSync(workspace.path("two/later.ts"), workspace.path("two/sign.ts"));
      await build();
      expect(workspace.read("out/joined.txt")).toContain("==");
    },
  );

  it.runIf(WIDE)("in a config beside a module that imports nothing", async () => {
    workspace.write("tsconfig.json", options("one"));
    // Whether a field without a value overwrites what the base class set is up to the config.
    const fields = (define: boolean): string =>
      JSON.stringify({ compilerOptions: { useDefineForClassFields: define } });
    workspace.write(
      "one/sign.ts",
      'class A { sign?: string; constructor() { this.set(); } set(): void { this.sign = "--\\n"; } }\n' +
        "class B extends A { override sign?: string; }\n" +
        'export const sign = new B().sign ?? "==\\n";\n',
    );
    workspace.write("one/tsconfig.json", fields(false));
    await settled();
    expect(workspace.read("out/joined.txt")).toContain("--");
    workspace.write("one/tsconfig.json", fields(true));
    await build();
    expect(workspace.read("out/joined.txt")).toContain("==");
  });

  it.runIf(WIDE)("in the package.json of a package, and where a nearer package comes", async () => {
    const folder = "node_modules/@part/sign";
    const module = (path: string, sign: string): void => {
      workspace.write(path, `export const sign = "${sign}\\n";\n`);
    };
    module(`${folder}/old.js`, "--");
    module(`${folder}/new.js`, "==");
    workspace.write(`${folder}/package.json`, JSON.stringify({ type: "module", main: "old" }));
    await settled();
    expect(workspace.read("out/joined.txt")).toContain("--");
    workspace.write(`${folder}/package.json`, JSON.stringify({ type: "module", main: "new" }));
    await settled();
    expect(workspace.read("out/joined.txt")).toContain("==");
    module(`rules/${folder}/index.js`, "++"); // without a package.json
    await settled();
    expect(workspace.read("out/joined.txt")).toContain("++");
    module("v2/index.js", "**");
    fs.renameSync(workspace.path(`rules/${folder}`), workspace.path("v1"));
    setLink(`rules/${folder}`, "v1");
    await settled();
    setLink(`rules/${folder}`, "v2");
    await build();
    expect(workspace.read("out/joined.txt")).toContain("**");
  });
});

it("of two modules outside the workspace with one file name, `why` names the one that changed", async () => {
  for (const name of ["a", "b"]) {
    fs.mkdirSync(join(elsewhere, name));
    fs.writeFileSync(join(elsewhere, name, "sign.ts"), `export const ${name} = "${name}";\n`);
  }
  workspace.write(
    "rules/ops/sign.ts",
    ["a", "b"].map((name) => `import { ${name} } from "${elsewhere}/${name}/sign.ts";\n`).join("") +
      'export const sign = a + b + "\\n";\n',
  );
  await settled();
  for (const name of ["a", "b"]) {
    fs.appendFileSync(join(elsewhere, name, "sign.ts"), "// edited\n");
    const { stdout } = await workspace.aqm(["why", "big/one.txt"]);
    expect(stdout).toContain(join(elsewhere, name, "sign.ts"));
    expect(stdout).not.toContain(join(elsewhere, name === "a" ? "b" : "a", "sign.ts"));
    await settled();
  }
});
