import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestWorkspace } from "../rig/workspace.ts";
import { textWorkspace } from "./text-workspace.ts";

/** An Aqmfile that leaves some of its targets out: whoever asks for them is told why, every time. */
let workspace: TestWorkspace;

const INK = "the printer has no ink";

beforeAll(() => {
  workspace = textWorkspace();
  workspace.edit("Aqmfile.ts", "from, local,", "from, local, skip,");
  workspace.edit(
    "Aqmfile.ts",
    "export default build([",
    `export default build([
  skip("out/poster", "${INK}"),
  ["a3", "a4"].map((size) => skip("out/print/" + size, "${INK}")),
  [skip("out/book/paper.pdf", "nobody binds books here")],`,
  );
});
afterAll(() => workspace.remove());

const TOLD = `3 skipped: ${INK}\n1 skipped: nobody binds books here\n`;

describe("what an Aqmfile skips", () => {
  it("is told in the plan, folded by reason", async () => {
    const { stdout, code } = await workspace.aqm(["build", "--dry-run", "out"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${TOLD}4 to run`);
  });

  it("is in the plan as data, path by path", async () => {
    const { stdout } = await workspace.aqm([
      "build",
      "--dry-run",
      "--json",
      "out/{print/**,length.txt}",
    ]);
    const plan = JSON.parse(stdout) as { skipped: unknown };
    expect(plan.skipped).toEqual([
      { target: "out/print/a3", because: INK },
      { target: "out/print/a4", because: INK },
    ]);
  });

  it("is told by a build, then by the answer that nothing has changed, and by a focused one", async () => {
    const first = await workspace.aqm(["build", "--reporter", "json"]);
    const events = first.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "skipped",
        groups: [
          { because: INK, count: 3 },
          { because: "nobody binds books here", count: 1 },
        ],
      }),
    );
    for (let round = 0; round < 4; round++) {
      expect((await workspace.aqm(["build"])).stdout).toMatch(
        new RegExp(`^${TOLD}done: 0 ran, 4 fresh`),
      );
    }
    expect(workspace.exists(".aqm/fresh")).toBe(true);
    expect((await workspace.aqm(["build", "--dry-run"])).stdout).toBe(`${TOLD}0 to run, 4 fresh\n`);
    workspace.write("poems/one.txt", "roses are blue\n");
    const changed = await workspace.aqm(["build"]);
    expect(changed.stdout).toContain(TOLD);
    expect(changed.stdout).toContain("done: 3 ran, 1 fresh");
  });

  it("is not told to those who ask for something else", async () => {
    const { stdout } = await workspace.aqm(["build", "--dry-run", "out/joined.txt"]);
    expect(stdout).not.toContain("skipped");
  });

  it.each(["out/poster", "out/poster/big.png", "out/print/a3", "out/book/paper.pdf"])(
    "is a clear mistake to ask for by name: %s",
    async (target) => {
      const { stderr, code } = await workspace.aqm(["build", target]);
      expect(code).toBe(2);
      expect(stderr).toContain(`${target} is skipped: `);
      expect(stderr).toContain("aqm list");
    },
  );

  it("is why a folder or a glob has nothing to build", async () => {
    for (const target of ["out/print", "out/print/*/*.png"]) {
      const { stdout, code } = await workspace.aqm(["build", target]);
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^2 skipped: ${INK}\ndone: 0 ran, 0 fresh`));
    }
    expect((await workspace.aqm(["build", "out/nothing"])).stderr).toContain("No rule makes");
  });

  it("is listed and marked", async () => {
    expect((await workspace.aqm(["list", "out"])).stdout).toBe(
      [
        "out/book/paper.pdf (skipped: nobody binds books here)",
        "out/joined.txt",
        "out/length.txt",
        `out/poster (skipped: ${INK})`,
        `out/print/a3 (skipped: ${INK})`,
        `out/print/a4 (skipped: ${INK})`,
        "",
      ].join("\n"),
    );
    const { stdout } = await workspace.aqm(["list", "--json", "out"]);
    expect(JSON.parse(stdout)).toContainEqual({ path: "out/print/a3", skipped: INK });
  });

  it("is not offered for completion", async () => {
    const { stdout } = await workspace.aqm(["__complete", "build", "out/"]);
    expect(stdout).toBe("out/joined.txt\nout/length.txt\n");
  });

  it.each([
    [`skip("out/joined.txt", "why not")`, "out/joined.txt is skipped, and made as well"],
    [`skip("out", "why not")`, "out is skipped, and made as well"],
    [`skip("out/x", "")`, "out/x is skipped without a reason"],
    [`skip("/out/x", "why not")`, 'The path "/out/x"'],
    [`skip(5, "why not")`, "skip takes a path as text"],
  ])("is refused when it makes no sense: %s", async (wrong, message) => {
    const other = textWorkspace();
    try {
      other.edit("Aqmfile.ts", "from, local,", "from, local, skip,");
      other.edit("Aqmfile.ts", "export default build([", `export default build([\n  ${wrong},`);
      const { stderr, code } = await other.aqm(["build"]);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
      expect(stderr).toMatch(/Aqmfile\.ts:\d+/);
    } finally {
      other.remove();
    }
  });
});
