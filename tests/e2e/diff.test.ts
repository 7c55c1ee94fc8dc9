import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { git } from "../rig/git.ts";
import { TestWorkspace } from "../rig/workspace.ts";

/** A comparer that knows numbers, one a line. */
let workspace: TestWorkspace;
beforeAll(() => {
  workspace = TestWorkspace.create({
    "Aqmfile.ts": `import { build } from "aqm";
export default build([], { comparers: ["rules/numbers.ts"] });
`,
    "rules/numbers.ts": `import type { ComparisonAnswer, ComparisonCall } from "aqm";
export const patterns = ["**/*.num", "**/*.count"];
export const options = { times: "what B is multiplied with" };
export function compare({ a, b, options: { times = "1" } }: ComparisonCall): ComparisonAnswer {
  const [x, y] = [Number(a.text), Number(times) * Number(b.text)];
  if (Number.isNaN(x + y)) return { ok: false, message: "these are no numbers", nextStep: "Name numbers." };
  return { ok: true, same: x === y, text: "# Numbers\\n\\nA is " + String(x) + ", B is " + String(y), json: { difference: y - x } };
}
`,
    "out/one/a.num": "1",
    "out/two/b.num": "2",
    "out/two/b.count": "3",
    "out/many/a.num": "1",
    "out/many/b.num": "2",
    "out/words.num": "words",
    "out/none/x.txt": "1",
  });
  git(workspace.root, "init", "--quiet");
  git(workspace.root, "add", "--all");
  git(workspace.root, "commit", "--quiet", "--message", "first");
  git(workspace.root, "tag", "first");
  workspace.write("out/one/a.num", "5");
});
afterAll(() => workspace.remove());

const diff = (...args: readonly string[]) => workspace.aqm(["diff", ...args]);

describe("aqm diff", () => {
  it("says what the comparer says of two files, or of what folders stand for", async () => {
    const { code, stdout } = await diff("out/one/a.num", "out/two");
    expect(code).toBe(1);
    expect(stdout).toBe("# Numbers\n\nA is 5, B is 2\n");
    expect((await diff("out/one", "out/one/a.num")).code).toBe(0);
  });

  it("takes a side from Git, from a folder below the root as well", async () => {
    expect((await diff("first:out/one/a.num", "out/one/a.num")).stdout).toContain("A is 1, B is 5");
    expect((await diff("out/one")).stdout).toContain("A is 1, B is 5");
    const below = await workspace.aqm(["diff", "HEAD:one", "../out/one"], {
      cwd: workspace.path("out"),
    });
    expect(below.stdout).toContain("A is 1, B is 5");
    expect((await diff("first:out/two", "HEAD:out/two/b.num")).code).toBe(0);
  });

  it("gives data, and options to the comparer", async () => {
    const { code, stdout } = await diff("out/one", "out/two", "--json", "--with", "times=3");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      a: "out/one/a.num",
      b: "out/two/b.num",
      same: false,
      comparison: { difference: 1 },
    });
  });

  it.each([
    [["out/many", "out/one"], "several files that can be compared: a.num, b.num"],
    [["out/none", "out/one"], "nothing in it can be compared"],
    [["out/nothing", "out/one"], "there is no such file here"],
    [["nowhere:out/one", "out/one"], "Git knows no commit nowhere"],
    [["--", "-x:out/one", "out/one"], "Git knows no commit -x"],
    [["first:out/three", "out/one"], "first has no such file"],
    [["out/words.num", "out/one"], "these are no numbers"],
    [["out/one", "out/two", "--with", "time=3"], "--with time=3 is no option"],
    [["a", "b", "c"], "aqm diff compares two things"],
    [[], "aqm diff compares two things"],
  ])("of %j says that it cannot, with 2", async (args, message) => {
    const { code, stderr, stdout } = await diff(...args);
    expect(stderr).toContain(message);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("shows headings in bold only where colours are wanted", async () => {
    const { stdout } = await workspace.aqm(["diff", "out/one", "out/two"], {
      env: { NO_COLOR: "", FORCE_COLOR: "1" },
    });
    expect(stdout).toContain("\u001b[1m# Numbers");
  });
});
