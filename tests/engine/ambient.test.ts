import { describe, expect, it } from "vitest";
import { isAmbient } from "../../src/host/code/ambient.ts";
import { loadAqmfile } from "../../src/host/aqmfile/aqmfile.ts";
import { Evidence } from "../../src/host/evidence/evidence.ts";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";
import { valueOf } from "./support/results.ts";

describe("code that cannot look around", () => {
  const innocent: readonly string[] = [
    'export const text = "fetch the process, require a Date, import(x), Math.random, node:fs";',
    "// process.env, Date.now(), import(name)\nexport const one = 1;",
    "/* globalThis.process */ export const one = 1;",
    "export const text = `process of ${1 + 1} fetches`;",
    "export const pattern = /process|Date|eval\\(/;",
    "export const object = { process: 1, Date: 2, fetch() { return this.process; } };",
    "export const size = (item) => item.process + item.performance.crypto;",
    "export function run(process) { return process.env; }",
    "export const late = ({ Date, fetch: require }) => [Date, require];",
    "class Process { Date = 1; static require() {} } export { Process };",
    "export const near = Math.floor(Math['max'](1, Math.PI));",
    "export const keys = new Map(Object.entries(JSON.parse('{}')));",
    "export const ambient_ = 'ambient__';",
  ];
  it.each(innocent)("%s", async (code) => {
    expect(await isAmbient(code, [])).toBe(false);
  });
});

describe("code that can", () => {
  const looking: readonly string[] = [
    "export const home = process.env.HOME;",
    "const { env } = process; export { env };",
    "export const home = process?.env;",
    'export const home = globalThis["process"].env;',
    "const all = globalThis; export const home = all.process;",
    "export const home = global.process;",
    "export const is = typeof process;",
    "export const object = { process };",
    "export const text = `at ${process.cwd()}`;",
    "export const now = new Date();",
    "export const now = Date.now();",
    "const Clock = Date; export const now = new Clock();",
    "export default class extends Date {}",
    "export const now = performance.now();",
    "export const luck = Math.random();",
    'export const luck = Math["random"]();',
    "const { random } = Math; export const luck = random();",
    "const all = Math; export const luck = all.random();",
    "export const luck = crypto.randomUUID();",
    "export const page = await fetch('http://localhost');",
    'export const files = require("fs");',
    "export const load = (name) => import(name);",
    "export const place = import.meta.url;",
    'export const home = eval("process.env.HOME");',
    'export const home = (0, eval)("process.env.HOME");',
    'export const home = new Function("return process")();',
    "export const bytes = Buffer.allocUnsafe(8);",
    "export const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;",
    "export const gone = new WeakRef({});",
    "setTimeout(() => {}, 1);",
    "export const there = (() => { try { return localStorage; } catch { return null; } })();",
  ];
  it.each(looking)("%s", async (code) => {
    expect(await isAmbient(code, [])).toBe(true);
  });

  it("imports what is not in the bundle", async () => {
    expect(await isAmbient("export const one = 1;", ["fs"])).toBe(true);
  });
});

describe("an Aqmfile", () => {
  const complete = async (start: string, value: string): Promise<boolean> => {
    const evidence = new Evidence();
    const aqmfile = `import { action, build, committed, file, typescriptOp } from "aqm";\n${start}
      export default build([
        action({
          op: typescriptOp<any>("op.ts"),
          params: { value: ${value} },
          inputs: { from: file("s", { obtain: "fetch it: the process is in require.md, of this Date" }) },
          outputs: { to: committed("out/a") },
        }),
      ]);`;
    const folder = new Folder({ "Aqmfile.ts": aqmfile, "there.ts": "export const there = 1;" });
    valueOf(await loadAqmfile(layoutOf(folder.path, REPOSITORY), evidence));
    return evidence.complete;
  };
  const twice = async (start: string, value: string): Promise<boolean> => {
    const first = await complete(start, value);
    expect(await complete(start, value)).toBe(first);
    return first;
  };

  it("is remembered when it only talks of such things", async () => {
    expect(await twice("", '"process"')).toBe(true);
    expect(await twice('import { there } from "./there.ts";', "there")).toBe(true);
    expect(await twice("", 'Object.keys(await import("./there.ts")).length')).toBe(true);
  });

  it.each([
    ["a variable of the environment", "", 'process.env["HOME"] ?? ""'],
    ["a module of Node", 'import { existsSync } from "fs";', 'existsSync("x")'],
    ["the same, imported late", "", '(await import("node:os")).hostname()'],
  ])("is asked again when it reads %s", async (_what, start, value) => {
    expect(await twice(start, value)).toBe(false);
  });
});
