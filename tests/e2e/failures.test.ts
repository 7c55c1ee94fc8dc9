import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

let workspace: TestWorkspace;
beforeEach(() => (workspace = textWorkspace()));
afterEach(() => workspace.remove());

describe("a failing action", () => {
  it("leaves the old artifact and its record alone, and blocks what follows", async () => {
    await workspace.build();
    const before = workspace.read("out/joined.txt");
    const record = workspace.read("aqm.lock/out/joined.txt.json");
    workspace.write("poems/one.txt", "forbidden\n");
    const failed = await workspace.build();
    expect(failed.code).toBe(1);
    expect(failed.events).toContainEqual(
      expect.objectContaining({
        type: "action_failed",
        target: "out/joined.txt",
        failure: expect.objectContaining({
          reason: "gate_failed",
          message: "a forbidden word",
        }) as unknown,
      }),
    );
    expect(failed.events.at(-1)).toMatchObject({ failed: 1, blocked: 1, exitCode: 1 });
    expect(workspace.read("out/joined.txt")).toBe(before);
    expect(workspace.read("aqm.lock/out/joined.txt.json")).toBe(record);
    // Nothing was recorded, so it is tried again.
    expect((await workspace.build()).ran).toEqual(["out/joined.txt"]);
  });

  it("says target, file, cause and next step in plain words", async () => {
    workspace.write("poems/one.txt", "forbidden\n");
    const { stdout, code } = await workspace.aqm(["build"]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /error rules\/ops\/join\.ts: a forbidden word\n {2}target {2}out\/joined\.txt/,
    );
    expect(stdout).toContain("next    Take it out.");
  });

  it("reports a thrown error as a mistake in the op", async () => {
    workspace.edit("rules/ops/count.ts", "inputs.text.text()", "(null as never as string)");
    const { stdout } = await workspace.aqm(["build"]);
    expect(stdout).toContain("The op threw an error: Cannot read properties of null");
  });

  it("fails when an op forgets an output", async () => {
    workspace.edit("rules/ops/count.ts", "ok({ length:", "ok({ wrong:");
    const { stdout, code } = await workspace.aqm(["build"]);
    expect(code).toBe(1);
    expect(stdout).toContain("did not write its output length");
    expect(workspace.exists("aqm.lock/out/length.txt.json")).toBe(false);
  });
});

describe("bad input", () => {
  const fails = async (args: readonly string[], code: number): Promise<string> => {
    const finished = await workspace.aqm(args);
    expect(finished.code).toBe(code);
    return finished.stdout + finished.stderr;
  };

  it("a missing source is named, the rest of the plan is shown, --check says 12", async () => {
    fs.rmSync(workspace.path("poems/two.txt"));
    const text = await fails(["build", "--dry-run", "--check"], 12);
    expect(text).toContain("poems/two.txt is missing");
    expect(text).toMatch(/run +big\/one\.txt/);
    expect(text).toMatch(/holds up 3 targets: big\/two\.txt/);
    expect(await fails(["build", "-n", "--check", "-v"], 12)).toMatch(/blocked +out\/joined\.txt/);
  });

  it("a mistyped target gets the nearest right one", async () => {
    expect(await fails(["build", "out/joind.txt"], 2)).toContain("Did you mean out/joined.txt?");
  });

  it("a mistyped command, option and number likewise", async () => {
    expect(await fails(["biuld"], 2)).toContain("Did you mean build?");
    expect(await fails(["build", "--dry-rum"], 2)).toContain("Did you mean --dry-run?");
    expect(await fails(["build", "--jobs", "many"], 2)).toContain("whole number");
    expect(await fails(["build", "--check"], 2)).toContain("--dry-run --check");
    expect(await fails(["build", "--reporter", "loud"], 2)).toContain("tty, plain or json");
  });

  it("a syntax error in the Aqmfile has file, line and column", async () => {
    workspace.write("Aqmfile.ts", "export default build([\n  action(,\n]);\n");
    expect(await fails(["build"], 2)).toMatch(/error Aqmfile\.ts:2:10: /);
  });

  it("a wrong config name has the line that names it", async () => {
    workspace.edit("Aqmfile.ts", '("style", "plain")', '("style", "plian")');
    const text = await fails(["build"], 2);
    expect(text).toMatch(/error Aqmfile\.ts:5:\d+: There is no conf\/style\/plian\.yaml/);
    expect(text).toContain("Did you mean plain?");
  });

  it("two actions for one path are shown with both places", async () => {
    workspace.edit("Aqmfile.ts", 'committed("out/length.txt")', 'committed("out/joined.txt")');
    expect(await fails(["build"], 2)).toMatch(
      /Aqmfile\.ts:\d+:\d+: Two actions make out\/joined\.txt[\s\S]*declared at .*Aqmfile\.ts:\d+/,
    );
  });

  it("a mistyped config key has line, column and the nearest key", async () => {
    workspace.write("conf/style/plain.yaml", "loud: true\nunusd: 1\n");
    const text = await fails(["list"], 2);
    expect(text).toContain("error conf/style/plain.yaml:2:1: ");
    expect(text).toContain("Did you mean unused?");
  });

  it("no Aqmfile at all is said plainly", async () => {
    fs.rmSync(workspace.path("Aqmfile.ts"));
    expect(await fails(["build"], 2)).toContain("There is no Aqmfile.ts");
  });

  it("a damaged record counts as never built, with a notice", async () => {
    await workspace.build();
    const path = "aqm.lock/out/length.txt.json";
    workspace.write(path, workspace.read(path).slice(0, 100));
    const again = await workspace.build();
    expect(again.code).toBe(0);
    expect(again.events).toContainEqual(
      expect.objectContaining({
        type: "notice",
        message: expect.stringContaining(path) as unknown,
      }),
    );
    expect((await workspace.build()).events.at(-1)).toMatchObject({ fresh: 4 });
  });

  it("a damaged stored blob is not restored but made again, with a notice", async () => {
    await workspace.build();
    const record = JSON.parse(workspace.read("aqm.lock/out/length.txt.json")) as {
      outputs: { length: { digest: string } };
    };
    const hex = record.outputs.length.digest.slice("sha256:".length);
    workspace.write(`.aqm/store/${hex.slice(0, 2)}/${hex.slice(2)}`, "rotten");
    fs.rmSync(workspace.path("out/length.txt"));
    const again = await workspace.build();
    expect(again.code).toBe(0);
    expect(again.ran).toEqual(["out/length.txt"]);
    expect(again.stdout).toContain("it is made again");
    expect(workspace.read("out/length.txt")).toBe("37\n");
  });
});
