import * as fs from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { sample } from "../rig/wide.ts";
import { copyOf, madeFrom, OddWorkspace } from "./odd-workspace.ts";

let workspace: OddWorkspace;
afterEach(() => workspace.remove());

const opOf = (body: string, top = ""): string => `import { ok } from "aqm";
${top}
export const version = 1;
export function run(call: any): any {
  ${body}
}
`;
const actionOf = (name: string, inputs = "{}"): string =>
  `action({ op: typescriptOp<any>("rules/ops/${name}.ts"), params: {}, inputs: ${inputs}, outputs: { text: committed("out/${name}") } }),\n`;

describe("an op that reads what is not in its key", () => {
  it.each([
    [
      "a file",
      'return ok({ text: readFileSync("x", "utf8") });',
      'import { readFileSync } from "node:fs";',
      "imports node:fs",
      2,
    ],
    ["a variable", "return ok({ text: process.env.HOME });", "", "reads process", 5],
    ["the day", "return ok({ text: new Date().toISOString() });", "", "reads Date", 5],
    ["chance", "return ok({ text: String(Math.random()) });", "", "reads Math.random", 5],
    ["the network", 'return fetch("http://localhost");', "", "reads fetch", 5],
    ["everything", 'return ok({ text: globalThis["process"].title });', "", "reads globalThis", 5],
    [
      "late",
      'return import(["node", "fs"].join(":"));',
      "",
      "reads a module whose name is found out while it runs",
      null,
    ],
  ])(
    "(%s) is refused with its line, before anything runs",
    async (_what, body, top, says, line) => {
      workspace = new OddWorkspace(
        { "in.txt": "a", "rules/ops/looks.ts": opOf(body, top) },
        copyOf('file("in.txt")', "out/a") + actionOf("looks"),
      );
      const { code, text } = await workspace.says("build");
      expect(code).toBe(2);
      expect(text).toContain(`The op ${says}`);
      expect(text).toContain(line === null ? "rules/ops/looks.ts" : `rules/ops/looks.ts:${line}`);
      expect(workspace.files.exists("out/a")).toBe(false);
    },
  );

  it("by way of a helper is refused in the helper", async () => {
    workspace = new OddWorkspace(
      {
        "rules/ops/looks.ts": opOf(
          "return ok({ text: home() });",
          'import { home } from "../home.ts";',
        ),
        "rules/home.ts":
          "// Where people live.\nexport const home = (): string => process.env.HOME ?? '';\n",
      },
      actionOf("looks"),
    );
    expect((await workspace.says("build")).text).toContain("rules/home.ts:2");
  });

  it("by way of what syntax does not show fails when it does so", async () => {
    const bodies = {
      clock:
        'const { Date: clock } = { Date: [].constructor.constructor("return Date")() }; return ok({ text: clock });',
      chance: "const maths = Math; return ok({ text: String(maths.random()) });",
      locale: "return ok({ text: (1234.5).toLocaleString() });",
      module: "return ok({ text: String(++calls) });",
    };
    workspace = new OddWorkspace(
      Object.fromEntries(
        Object.entries(bodies).map(([name, body]) => [
          `rules/ops/${name}.ts`,
          opOf(body, "let calls = 0;"),
        ]),
      ),
      Object.keys(bodies)
        .map((name) => actionOf(name))
        .join(""),
    );
    const { code, failures } = await workspace.build();
    expect(code).toBe(1);
    expect(failures.get("out/clock")?.message).toContain("Code generation from strings disallowed");
    expect(failures.get("out/chance")?.message).toContain("reads random numbers (Math.random)");
    expect(failures.get("out/locale")?.message).toContain("reads the locale (toLocaleString)");
    expect(workspace.files.read("out/module")).toBe("1");
  });
});

describe("an op that sees the same makes the same", () => {
  it("whatever the order in which roles are declared", async () => {
    const body =
      'return ok({ text: Object.values(call.inputs).map((input: any) => input.text()).join("") });';
    const [a, b] = ['a: file("in/a")', 'b: file("in/b")'];
    workspace = new OddWorkspace(
      { "in/a": "A", "in/b": "B", "rules/ops/glue.ts": opOf(body) },
      actionOf("glue", `{ ${b}, ${a} }`),
    );
    await workspace.build();
    expect(workspace.files.read("out/glue")).toBe("AB");
    workspace.declare(actionOf("glue", `{ ${a}, ${b} }`));
    expect((await workspace.build()).ran).toEqual([]);
  });

  it("a Python op gets its inputs by role, too", async () => {
    workspace = new OddWorkspace(
      { "in/a": "A", "in/b": "B" },
      madeFrom('{ text: file("in/b"), a: file("in/a") }', '{ made: committed("made", "folder") }'),
      'fs.mkdirSync(outputs.made.path); fs.writeFileSync(outputs.made.path + "/roles", Object.keys(inputs).join());',
    );
    await workspace.build();
    expect(workspace.files.read("made/roles")).toBe("a,text");
  });

  it("a renamed input reaches an op that looks at paths, and the record of every other", async () => {
    const inputs = (name: string): string => `{ a: file("in/${name}") }`;
    const declared = (name: string): string =>
      actionOf("blind", inputs(name)) + actionOf("seeing", inputs(name));
    workspace = new OddWorkspace(
      {
        "in/old": "A",
        "in/new": "A",
        "rules/ops/blind.ts": opOf("return ok({ text: call.inputs.a.text() });"),
        "rules/ops/seeing.ts": opOf("return ok({ text: call.inputs.a.path });"),
      },
      declared("old"),
    );
    await workspace.build();
    workspace.declare(declared("new"));
    const { text } = await workspace.says("build", "--dry-run");
    expect(text).toContain("restore  out/blind");
    expect(text).toContain('input_paths.a: "in/old" → "in/new"');
    expect((await workspace.build()).ran).toEqual(["out/seeing"]);
    expect(workspace.files.read("out/seeing")).toBe("in/new");
    for (const name of ["blind", "seeing"])
      expect(workspace.files.read(`aqm.lock/out/${name}.json`)).not.toContain("in/old");
    expect((await workspace.build()).ran).toEqual([]);
  });
});

it("an op that prints is heard, and that is all", async () => {
  workspace = new OddWorkspace(
    { "rules/ops/says.ts": opOf('console.log("half way"); return ok({ text: "x" });') },
    actionOf("says"),
  );
  const { events, code } = await workspace.build();
  expect(code).toBe(0);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "action_warning", target: "out/says", message: "half way" }),
  );
});

describe("an op that does not come back", () => {
  it.each(sample(["SIGTERM", "SIGINT", "SIGHUP"] as const))(
    "is ended by %s, and the workspace is whole",
    async (signal) => {
      workspace = new OddWorkspace(
        { "in.txt": "a", "rules/ops/stays.ts": opOf("for (;;) if (call.params === 0) return 0;") },
        copyOf('file("in.txt")', "out/a") + actionOf("stays"),
      );
      const running = workspace.files.start(["build", "--json"]);
      await running.event(
        (event) => event.type === "action_started" && event.target === "out/stays",
      );
      running.kill(signal);
      const { code, stderr } = await running.finished;
      expect(code).toBe({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal]);
      expect(stderr).toBe("");
      for (const left of [".aqm/build.lock", ".aqm/stage", "out/stays"])
        expect(workspace.files.exists(left)).toBe(false);
      workspace.files.write("rules/ops/stays.ts", opOf('return ok({ text: "x" });'));
      expect((await workspace.build()).code).toBe(0);
    },
  );
});

it("an Aqmfile that does not come back is ended by a signal, also while watching", async () => {
  workspace = new OddWorkspace({ "in.txt": "a" }, copyOf('file("in.txt")', "out/a"));
  const running = workspace.files.start(["watch", "--reporter", "json"]);
  await running.event((event) => event.type === "waiting");
  workspace.files.edit("Aqmfile.ts", "export default", "for (;;);\nexport default");
  const endless = (): boolean =>
    fs
      .readdirSync(workspace.files.path(".aqm/compiled"))
      .some((name) => /^aqmfile-.*\.mjs$/.test(name) && isEndless(name));
  const isEndless = (name: string): boolean =>
    /for \(; ?; ?\)/.test(workspace.files.read(`.aqm/compiled/${name}`));
  await expect.poll(endless, { timeout: 600_000 }).toBe(true);
  // Before it is evaluated, the first one would only ask for an orderly end.
  const again = setInterval(() => running.kill("SIGINT"), 50);
  const { code, signal } = await running.finished;
  clearInterval(again);
  expect(signal ?? code).toBeOneOf(["SIGINT", 130]);
});
