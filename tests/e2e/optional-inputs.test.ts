import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TestWorkspace } from "../rig/workspace.ts";

/** Two texts are made loud; a list says what is there of them, and makes neither. */
let workspace: TestWorkspace;
const LIST = "out/list.txt";

beforeEach(() => {
  workspace = TestWorkspace.create({
    "a.txt": "one\n",
    "b.txt": "two\n",
    "rules/ops/loud.ts": `import { err, ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, "text">): Result<OpOutputs<"loud">, OpFailure> {
  const text = inputs.text.text();
  if (text === "bad\\n") return err({ reason: "op_failed", message: "it is bad" });
  return ok({ loud: text.toUpperCase() });
}
`,
    "rules/ops/list.ts": `import { ok, type OpCall, type OpFailure, type OpOutputs, type Result } from "aqm";
export const version = 1;
export function run({ inputs }: OpCall<object, string>): Result<OpOutputs<"list">, OpFailure> {
  return ok({ list: Object.values(inputs).map((input) => (input.isThere() ? input.text() : "none\\n")).join("") });
}
`,
    "Aqmfile.ts": `import { action, build, committed, file, from, ifThere, typescriptOp } from "aqm";
const loud = typescriptOp<typeof import("./rules/ops/loud.ts")>("rules/ops/loud.ts");
const list = typescriptOp<typeof import("./rules/ops/list.ts")>("rules/ops/list.ts");
const made = (name: string) =>
  action({ op: loud, params: {}, inputs: { text: file(name + ".txt") }, outputs: { loud: committed("big/" + name + ".txt") } });
const [a, b] = [made("a"), made("b")];
export default build([
  a,
  b,
  action({
    op: list,
    params: {},
    inputs: { a: ifThere(from(a, "loud")), b: ifThere(from(b, "loud")) },
    outputs: { list: committed("${LIST}") },
  }),
]);
`,
  });
});
afterEach(() => workspace.remove());

describe("what is taken if it is there", () => {
  it("is not made for its reader's sake, and seen when it comes, changes and goes", async () => {
    expect((await workspace.build([LIST])).ran).toEqual([LIST]);
    expect(workspace.read(LIST)).toBe("none\nnone\n");
    expect((await workspace.build([LIST])).ran).toEqual([]);
    expect((await workspace.aqm(["verify", LIST])).code).toBe(0);
    expect((await workspace.aqm(["verify", "--rerun", LIST])).code).toBe(0);

    await workspace.build(["big/a.txt"]);
    const dry = await workspace.aqm(["build", "--dry-run", LIST]);
    expect(dry.stdout).toContain('input big/a.txt changed: "absent" →');
    expect((await workspace.build([LIST])).ran).toEqual([LIST]);
    expect(workspace.read(LIST)).toBe("ONE\nnone\n");

    // Stale or not, it is taken as it lies there.
    workspace.write("a.txt", "three\n");
    expect((await workspace.build([LIST])).ran).toEqual([]);
    fs.rmSync(workspace.path("big/a.txt"));
    const gone = await workspace.build([LIST]);
    expect(gone.ran).toEqual([]); // that list is known, and restored
    expect(workspace.read(LIST)).toBe("none\nnone\n");
  });

  it("goes first where it is built as well, and is not missed where that fails", async () => {
    expect((await workspace.build()).ran).toEqual(["big/a.txt", "big/b.txt", LIST]);
    expect(workspace.read(LIST)).toBe("ONE\nTWO\n");
    expect((await workspace.build()).ran).toEqual([]);
    workspace.write("a.txt", "four\n");
    expect((await workspace.build()).ran).toEqual(["big/a.txt", LIST]);
    expect(workspace.read(LIST)).toBe("FOUR\nTWO\n");

    workspace.write("a.txt", "bad\n");
    workspace.write("b.txt", "five\n");
    const failed = await workspace.build(["--keep-going"]);
    expect(failed.code).toBe(1);
    expect(failed.ran).toEqual(["big/a.txt", "big/b.txt", LIST]);
    expect(workspace.read(LIST)).toBe("FOUR\nFIVE\n");

    fs.rmSync(workspace.path("a.txt")); // its action is blocked now
    workspace.write("b.txt", "six\n");
    expect((await workspace.build(["--keep-going"])).ran).toEqual(["big/b.txt", LIST]);
    expect(workspace.read(LIST)).toBe("FOUR\nSIX\n");
  });
});
