import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { asNobody, canBeNobody, UNLESS_ROOT } from "../rig/nobody.ts";
import { WIDE } from "../rig/wide.ts";
import { copyOf, madeFrom, OddWorkspace } from "./odd-workspace.ts";

let workspace: OddWorkspace;
const link = (to: string, path: string): void => fs.symlinkSync(to, workspace.files.path(path));
const open: OddWorkspace[] = [];
const openWorkspace = (...args: ConstructorParameters<typeof OddWorkspace>): OddWorkspace => {
  const opened = new OddWorkspace(...args);
  open.push(opened);
  return opened;
};
afterEach(() => {
  for (const opened of open.splice(0)) opened.remove();
});

describe("links among the sources", () => {
  it("are followed; circles, dangling ones and odd files are named, each for its own target", async () => {
    const folders = ["circle", "self", "dangling", "pipe"];
    workspace = openWorkspace(
      {
        "real.txt": "real",
        "away/real.txt": "away",
        "tree/a": "a",
        ...Object.fromEntries(folders.map((name) => [`${name}/a`, name])),
      },
      ["good", "circle-file", "gone"]
        .map((name) => copyOf(`file("in-${name}")`, `out/${name}`))
        .join("") +
        ["tree", ...folders]
          .map((name) => madeFrom(`{ tree: folder("${name}") }`, `{ made: local("made/${name}") }`))
          .join(""),
      "fs.writeFileSync(outputs.made.path, fs.readdirSync(inputs.tree.path).join());",
    );
    link("real.txt", "in-good");
    link("in-circle-file", "in-circle-file");
    link("nowhere", "in-gone");
    link("../away", "tree/linked");
    link("..", "circle/up");
    link("self", "self/self");
    link("nowhere", "dangling/b");
    fs.rmSync(workspace.files.path("pipe/a"));
    execFileSync("mkfifo", [workspace.files.path("pipe/fifo")]);

    const built = await workspace.build();
    expect([...built.ran].sort()).toEqual(["made/tree", "out/good"]);
    const blocked = Object.fromEntries(
      built.events.flatMap((event) =>
        event.type === "action_blocked" ? [[event.target, event.causes[0]]] : [],
      ),
    );
    expect(blocked).toMatchObject({
      "out/circle-file": {
        kind: "input_unreadable",
        path: "in-circle-file",
        error: expect.stringContaining("too many symbolic links") as unknown,
      },
      "out/gone": { kind: "input_missing", path: "in-gone" },
      "made/circle": { error: expect.stringContaining("links back to itself") as unknown },
      "made/self": { error: expect.stringContaining("too many symbolic links") as unknown },
      "made/dangling": { error: "b in it is gone, or a dangling link" },
      "made/pipe": { error: "pipe/fifo is not a file" },
    });

    // Where a link leads to is what counts: in a folder as well, however deep.
    const targets = ["out/good", "made/tree"];
    expect((await workspace.build(targets)).ran).toEqual([]);
    workspace.files.write("away/real.txt", "edited");
    fs.rmSync(workspace.files.path("in-good"));
    link("away/real.txt", "in-good");
    expect([...(await workspace.build(targets)).ran].sort()).toEqual(["made/tree", "out/good"]);
    expect(workspace.files.read("out/good")).toBe("edited");
  });

  it.runIf(WIDE)("that turn into a circle after a build that was fresh are seen", async () => {
    workspace = openWorkspace({ "in/a": "a" }, copyOf('file("in/a")', "out/a"));
    for (let look = 0; look < 20 && !workspace.files.exists(".aqm/fresh"); look++)
      await workspace.says("build");
    fs.rmSync(workspace.files.path("in/a"));
    link("a", "in/a");
    const { code, text } = await workspace.says("build");
    expect(code).toBe(1);
    expect(text).toContain("in/a cannot be read: ELOOP");
  });

  it("that lead two declared paths to one place are refused, with the line", async () => {
    workspace = openWorkspace({ "real/x": "a" }, "");
    link("real", "data");
    workspace.declare(
      `\n${copyOf('file("data/y")', "out/a")}${copyOf('file("real/x")', "real/y")}${copyOf('file("real/x")', "data/out")}`,
    );
    const { code, text } = await workspace.says("build");
    expect(code).toBe(2);
    expect(text).toMatch(
      /error Aqmfile\.ts:6:1: The input data\/y and the output real\/y are the same place: .*\n {2}target {2}out\/a/,
    );
    // Reading and writing through a link is fine as long as it is one path.
    workspace.declare(copyOf('file("real/x")', "data/out"));
    expect((await workspace.build()).code).toBe(0);
    expect(workspace.files.read("real/out")).toBe("a");
    expect((await workspace.build()).ran).toEqual([]);
  });
});

describe("what an op may not write", () => {
  it("is a link, or names that are one name elsewhere: nothing of it is kept", async () => {
    const out = (name: string, kind: string): string =>
      madeFrom('{ a: file("a") }', `{ made: committed("${name}", "${kind}") }`);
    workspace = openWorkspace(
      { a: "a" },
      out("link", "file") +
        out("dangling", "file") +
        out("link-in-it", "folder") +
        out("clash", "folder"),
      `const { path, name } = outputs.made;
       if (name === "link") fs.symlinkSync(inputs.a.path, path);
       if (name === "dangling") fs.symlinkSync("nowhere", path);
       if (name === "link-in-it") { fs.mkdirSync(path); fs.symlinkSync("/etc/hostname", path + "/b"); }
       if (name === "clash") for (const part of ["A/x", "a/y"]) {
         fs.mkdirSync(path + "/" + part[0], { recursive: true });
         fs.writeFileSync(path + "/" + part, part);
       }`,
    );
    const { code, failures } = await workspace.build();
    expect(code).toBe(1);
    const causes = Object.fromEntries([...failures].map(([target, { cause }]) => [target, cause]));
    expect(causes).toEqual({
      link: "it is a symbolic link",
      dangling: "it is a symbolic link",
      "link-in-it": "b in it is a symbolic link",
      clash:
        "A and a in it are one file where names do not tell upper from lower case, or one Unicode form from the other",
    });
    for (const [target, failure] of failures) {
      expect(failure).toMatchObject({ reason: "output_invalid", target, place: { file: target } });
      expect(failure.nextStep).toContain("Let the op write");
      expect(workspace.files.exists(target)).toBe(false);
    }
  });
});

describe("another checkout", () => {
  let other: OddWorkspace;
  beforeEach(async () => {
    other = openWorkspace({ "in.txt": "one" }, copyOf('file("in.txt")', "out/a.txt"));
    await other.build();
    workspace = openWorkspace({ "own.txt": "own" }, "");
  });

  it.runIf(WIDE)("may be read through links: what it builds anew is seen", async () => {
    link(other.files.path("out/a.txt"), "linked.txt");
    link(other.files.path("out"), "linked");
    workspace.declare(
      copyOf('file("linked.txt")', "out/x") + copyOf('file("linked/a.txt")', "out/y"),
    );
    const built = async (): Promise<string> =>
      `${[...(await workspace.build()).ran].join()} ${workspace.files.read("out/x")}${workspace.files.read("out/y")}`;
    expect(await built()).toBe("out/x,out/y oneone");
    expect(await built()).toBe(" oneone");
    other.files.write("in.txt", "two");
    await other.build();
    expect(await built()).toBe("out/x,out/y twotwo");
  });

  it("is never written to: a link in an output's place is replaced, what it led to stays", async () => {
    fs.mkdirSync(workspace.files.path("out"));
    link(other.files.path("out/a.txt"), "out/x");
    workspace.declare(copyOf('file("own.txt")', "out/x"));
    const { code } = await workspace.build();
    expect(code).toBe(0);
    expect(workspace.files.read("out/x")).toBe("own");
    expect(fs.lstatSync(workspace.files.path("out/x")).isFile()).toBe(true);
    expect(other.files.read("out/a.txt")).toBe("one");
  });

  it("is never written to: a linked folder on the way to an output is refused", async () => {
    link(other.files.path("out"), "out");
    workspace.declare(copyOf('file("own.txt")', "out/a.txt"));
    const { code, failures } = await workspace.build();
    expect(code).toBe(1);
    expect(failures.get("out/a.txt")).toMatchObject({
      reason: "output_elsewhere",
      message: expect.stringContaining(other.files.root) as unknown,
      nextStep: expect.stringContaining("Replace the link") as unknown,
    });
    expect(other.files.read("out/a.txt")).toBe("one");
  });
});

describe.skipIf(!canBeNobody)(`files that may not be read ${UNLESS_ROOT}`, () => {
  it.runIf(WIDE)("are named as source and in a folder", () => {
    workspace = openWorkspace(
      { "secret.txt": "s", "tree/open": "o", "tree/secret": "s", "closed/sub/a": "a" },
      copyOf('file("secret.txt")', "out/a") +
        ["tree", "closed"]
          .map((name) => madeFrom(`{ tree: folder("${name}") }`, `{ made: local("made/${name}") }`))
          .join(""),
    );
    fs.chmodSync(workspace.files.root, 0o755);
    for (const path of ["secret.txt", "tree/secret", "closed/sub"])
      fs.chmodSync(workspace.files.path(path), 0);
    const { code, text } = asNobody(workspace.files.root, ["build", "--dry-run", "--check"]);
    expect(code).toBe(12);
    for (const path of [
      "secret.txt cannot be read: EACCES",
      "tree cannot be read: EACCES",
      "closed cannot be read: EACCES",
    ]) {
      expect(text).toContain(path);
    }
  });
});
