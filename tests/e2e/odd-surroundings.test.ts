import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { TestWorkspace, type Finished } from "../rig/workspace.ts";
import { sample, WIDE } from "../rig/wide.ts";
import { textWorkspace } from "./text-workspace.ts";

let workspace: TestWorkspace;
afterEach(() => workspace.remove());

const STACK_TRACE = /^\s+at .*:\d+:\d+\)?$/m;

/** Runs aqm by way of a shell that first does something to its own surroundings. */
function inShell(before: string, args: string): Promise<Finished> {
  const command = `${before} exec "$NODE" "$AQM" ${args}`;
  const env = { PATH: process.env["PATH"], NODE: process.execPath, AQM: workspace.bin };
  const child = spawn("/bin/sh", ["-c", command], {
    cwd: workspace.root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr })),
  );
}

describe.runIf(fs.existsSync("/dev/full"))("on a full disk, standard output", () => {
  it.each(
    sample(
      ["build", "list", "build --reporter json", "graph --json", "--help", "why out/length.txt"],
      1,
    ),
  )("of aqm %s ends in one line, and nothing is left", async (args) => {
    workspace = textWorkspace();
    const { code, stderr } = await inShell("exec > /dev/full;", args);
    expect(stderr).toMatch(/^error Standard output cannot be written: ENOSPC.*\n {2}next .*\n$/);
    expect(code).toBe(1);
    for (const left of [".aqm/build.lock", ".aqm/stage"])
      expect(workspace.exists(left)).toBe(false);
  });

  it.runIf(WIDE)("of what is answered at once, too", async () => {
    workspace = textWorkspace();
    await workspace.aqm(["build"]);
    const { code, stderr } = await inShell("exec > /dev/full;", "build");
    expect(stderr).toMatch(/^error Standard output cannot be written/);
    expect(code).toBe(1);
    // Nor is there anything to say where standard error is full as well.
    expect((await inShell("exec > /dev/full 2>&1;", "build")).code).toBe(1);
  });
});

it("a folder that was deleted is named as such", async () => {
  workspace = textWorkspace();
  fs.mkdirSync(workspace.path("gone"));
  for (const args of ["build", "list", "gc", "completion bash"]) {
    const { code, stderr } = await inShell("mkdir -p gone; cd gone; rmdir ../gone;", args);
    expect(stderr, args).toContain("The folder in which aqm was started is not there any more");
    expect(stderr).not.toMatch(STACK_TRACE);
    expect(code).toBe(2);
  }
});

describe("the path of a workspace", () => {
  const at = (name: string): TestWorkspace => {
    workspace = textWorkspace();
    const root = join(workspace.root, name);
    const names = fs.readdirSync(workspace.root);
    fs.mkdirSync(root, { recursive: true });
    for (const each of names) fs.renameSync(workspace.path(each), join(root, each));
    return TestWorkspace.at(root);
  };

  it.each(
    sample(["a#b?c", "[a]{b,c}", "a'b\"$c`d", "-ä", "a:b", "a*b", "a%20b", "a b", "!a", "~"]),
  )("may be %s", async (name) => {
    const odd = at(name);
    expect((await odd.build()).code).toBe(0);
    odd.edit("rules/ops/sign.ts", "--", "==");
    expect((await odd.build()).ran).toEqual([
      "big/one.txt",
      "big/two.txt",
      "out/joined.txt",
      "out/length.txt",
    ]);
    odd.edit("Aqmfile.ts", "const joined", "(undefined as any).x;\nconst joined");
    expect((await odd.aqm(["build"])).stderr).toMatch(/^error Aqmfile\.ts:13:/);
  });

  it.each([
    ["a\\b", "a backslash"],
    ["a\nb", "a control character"],
  ])("may not be %j", async (name, has) => {
    const { code, stderr } = await at(name).aqm(["build"]);
    expect(stderr).toContain(`The path of the workspace has ${has}`);
    expect(code).toBe(2);
  });
});

describe("a name that every object has", () => {
  it.each(sample(["__proto__", "constructor", "toString", "hasOwnProperty"]))(
    "(%s) is no role",
    async (name) => {
      workspace = textWorkspace();
      for (const from of ["inputs: { text:", "outputs: { length:"]) {
        const aqmfile = workspace.read("Aqmfile.ts");
        workspace.edit("Aqmfile.ts", from, from.replace(/\w+:$/, `["${name}"]:`));
        const { code, stderr } = await workspace.aqm(["build"]);
        expect(stderr).toMatch(
          /^error Aqmfile\.ts:\d+:\d+: The (input|output) role ".*" is a name that every object has\n/,
        );
        expect(code).toBe(2);
        workspace.write("Aqmfile.ts", aqmfile);
      }
    },
  );

  it("is no config, no group and no option", async () => {
    workspace = textWorkspace();
    for (const asked of [
      '"style", "constructor"',
      '"constructor", "name"',
      '"__proto__", "toString"',
    ]) {
      workspace.edit("Aqmfile.ts", '"style", "plain"', asked);
      const { code, stderr } = await workspace.aqm(["build"]);
      expect(stderr).toMatch(/There is no (conf\/|config group conf\/)/);
      expect(stderr).not.toMatch(STACK_TRACE);
      expect(code).toBe(2);
      workspace.edit("Aqmfile.ts", asked, '"style", "plain"');
    }
  });

  it("is no key of params, which a copy would lose, where that is __proto__", async () => {
    workspace = textWorkspace();
    workspace.edit("Aqmfile.ts", "params: { loud }", 'params: { loud, ["__proto__"]: 1 } as any');
    const { code, stderr } = await workspace.aqm(["build"]);
    expect(stderr).toContain("keyed by __proto__");
    expect(code).toBe(2);
  });

  it.each(sample(["__proto__", "constructor", "toString"]))(
    "(%s) may be a target, an input and a key of params",
    async (name) => {
      workspace = textWorkspace();
      workspace.write(`poems/${name}`, "x\n");
      workspace.edit(
        "Aqmfile.ts",
        "params: { loud }",
        'params: { loud, constructor: 1, toString: "x" } as any',
      );
      workspace.edit("Aqmfile.ts", '"out/length.txt"', JSON.stringify(name));
      for (const expected of [
        [4, 0],
        [0, 4],
      ]) {
        const { code, stdout } = await workspace.aqm(["build"]);
        expect(stdout).toContain(`done: ${expected[0]} ran, ${expected[1]} fresh`);
        expect(code).toBe(0);
      }
    },
  );
});
