import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { git } from "../rig/git.ts";
import { WIDE } from "../rig/wide.ts";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

let workspace: TestWorkspace;
beforeEach(async () => {
  workspace = textWorkspace();
  await workspace.build();
});
afterEach(() => workspace.remove());

const restore = async (...args: readonly string[]) => {
  const { code, stdout, stderr } = await workspace.aqm(["restore", ...args]);
  expect(stderr).toBe("");
  return { code, stdout };
};
const OUTPUTS = ["big/one.txt", "big/two.txt", "out/joined.txt", "out/length.txt"];
const remove = (path: string): void =>
  fs.rmSync(workspace.path(path), { recursive: true, force: true });

describe("aqm restore", () => {
  it("puts back all that records name, local outputs too, without a run", async () => {
    const before = OUTPUTS.map((path) => workspace.read(path));
    const records = workspace.read("aqm.lock/out/length.txt.json");
    for (const folder of ["big", "out", "poems"]) remove(folder); // the inputs are not needed
    const { code, stdout } = await restore();
    expect(code).toBe(0);
    expect(stdout).toBe(
      `${OUTPUTS.map((path) => `restored ${path}\n`).join("")}4 restored, 0 in place\n`,
    );
    expect(OUTPUTS.map((path) => workspace.read(path))).toEqual(before);
    expect(workspace.read("aqm.lock/out/length.txt.json")).toBe(records);
    expect(await restore()).toMatchObject({ code: 0, stdout: "0 restored, 4 in place\n" });
  });

  it.runIf(WIDE)("changes nothing in a dry run, and only what was asked for else", async () => {
    for (const folder of ["big", "out"]) remove(folder);
    expect((await restore("--dry-run", "out")).stdout).toBe(
      "would restore out/joined.txt\nwould restore out/length.txt\n2 to restore, 0 in place\n",
    );
    expect(workspace.exists("out")).toBe(false);
    await restore("out/length.txt");
    expect(workspace.exists("out/length.txt")).toBe(true);
    expect(workspace.exists("out/joined.txt")).toBe(false);
  });

  it("takes the place of an edit by hand, which is kept", async () => {
    workspace.write("out/joined.txt", "mine\n");
    const { stdout, code } = await restore("out");
    expect(code).toBe(0);
    const kept = /^kept (\S+), which was at out\/joined\.txt/m.exec(stdout)?.[1] ?? "";
    expect(workspace.read(kept)).toBe("mine\n");
    expect(workspace.read("out/joined.txt")).toContain("ROSES");
  });

  it("takes records at their word: a stale target is restored and stays stale", async () => {
    workspace.write("poems/one.txt", "tulips are red\n");
    remove("out");
    expect((await restore("out")).code).toBe(0);
    expect(workspace.read("out/joined.txt")).toContain("ROSES");
    expect((await workspace.aqm(["build", "-n", "--check"])).code).toBe(10);
  });

  it("says what it could not put back and why, as text and as data, and ends with 1", async () => {
    remove("out/length.txt");
    remove("out/joined.txt");
    const { outputs } = JSON.parse(workspace.read("aqm.lock/out/length.txt.json")) as {
      outputs: { length: { digest: string } };
    };
    const hex = outputs.length.digest.slice("sha256:".length);
    remove(`.aqm/store/${hex.slice(0, 2)}/${hex.slice(2)}`);
    const { code, stdout } = await restore("--json", "out");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      restored: ["out/joined.txt"],
      left: [{ path: "out/length.txt", why: expect.stringContaining("the store") as string }],
      exitCode: 1,
    });
    const again = await restore("out");
    expect(again.stdout).toContain(
      "not restored out/length.txt: the store of this machine does not",
    );
    expect(again.stdout).toContain("0 restored, 1 in place, 1 not restored");
  });

  it.runIf(WIDE)(
    "counts what was never built in a folder; named by itself it is missing",
    async () => {
      for (const folder of [".aqm", "aqm.lock", "out"]) remove(folder);
      expect(await restore("out")).toMatchObject({
        code: 0,
        stdout: "0 restored, 0 in place, 2 never built\n",
      });
      const named = await restore("out/length.txt");
      expect(named.code).toBe(1);
      expect(named.stdout).toContain("no record names its outputs");
    },
  );

  it.runIf(WIDE)("does not offer a damaged copy", async () => {
    remove("out/length.txt");
    const { outputs } = JSON.parse(workspace.read("aqm.lock/out/length.txt.json")) as {
      outputs: { length: { digest: string } };
    };
    const hex = outputs.length.digest.slice("sha256:".length);
    const blob = `.aqm/store/${hex.slice(0, 2)}/${hex.slice(2)}`;
    fs.chmodSync(workspace.path(blob), 0o644);
    workspace.write(blob, "38\n");
    const { code, stdout } = await restore("out/length.txt");
    expect(code).toBe(1);
    expect(stdout).toContain(
      "is damaged and was removed from the store. `aqm build` makes it again",
    );
    expect(workspace.exists("out/length.txt")).toBe(false);
  });

  it.runIf(WIDE)("says what Git has where the store has it no more", async () => {
    workspace.write(".gitignore", ".aqm/\nbig/\n");
    git(workspace.root, "init", "--quiet");
    git(workspace.root, "add", ".");
    git(workspace.root, "commit", "--quiet", "--message", "built");
    remove(".aqm/store");
    remove("out/length.txt");
    remove("big/one.txt");
    const { code, stdout } = await restore();
    expect(code).toBe(1);
    expect(stdout).toMatch(/out\/length\.txt: .*`git checkout HEAD -- out\/length\.txt`/);
    expect(stdout).toMatch(/big\/one\.txt: .*`aqm build` makes it again/);
    // What Git has is not what the record says.
    workspace.write("out/length.txt", "1\n");
    git(workspace.root, "commit", "--quiet", "--all", "--message", "by hand");
    remove("out/length.txt");
    expect((await restore("out")).stdout).not.toContain("git checkout");
  });

  it.runIf(WIDE)("counts a record that cannot be read as left, and says so", async () => {
    workspace.write("aqm.lock/out/length.txt.json", "{");
    remove("out/length.txt");
    const { code, stdout } = await restore("out");
    expect(code).toBe(1);
    expect(stdout).toContain("notice aqm.lock/out/length.txt.json is damaged");
    expect(stdout).toContain("not restored out/length.txt: its record cannot be read");
    const cleaned = await workspace.aqm(["clean", "--json", "out"]);
    expect(JSON.parse(cleaned.stdout)).toMatchObject({
      removed: ["out/joined.txt"],
      notices: [expect.stringContaining("is damaged")],
    });
  });

  it.runIf(WIDE)(
    "says what was put right before, and does nothing where that is not possible",
    async () => {
      fs.rmSync(workspace.path(".aqm/logs"), { recursive: true, force: true });
      fs.symlinkSync("/nowhere/at/all", workspace.path(".aqm/logs"));
      expect((await restore()).stdout).toContain("notice .aqm/logs was a link to /nowhere/at/all");
      remove("out/length.txt");
      remove(".aqm/logs");
      fs.symlinkSync("logs", workspace.path(".aqm/logs")); // to itself
      const failed = await workspace.aqm(["restore"]);
      expect(failed.code).toBe(1);
      expect(failed.stderr).toContain("error");
      expect(workspace.exists("out/length.txt")).toBe(false);
    },
  );
});
