import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import picomatch from "picomatch";
import { describe, expect, it } from "vitest";
import { REPOSITORY } from "../rig/workspace.ts";

/** Every test is in a command: docs/testing.md says which command protects what. */
interface Suites {
  readonly projects: Readonly<Record<string, { include: string[]; exclude: string[] }>>;
  readonly commands: Readonly<
    Record<
      string,
      { projects: string[]; exclude?: string[]; marks?: string; environments?: string[] }
    >
  >;
}
const read = (path: string): string => fs.readFileSync(join(REPOSITORY, path), "utf8");
const { projects, commands } = JSON.parse(read("tests/suites.json")) as Suites;
const below = (folder: string): readonly string[] =>
  fs
    .readdirSync(join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/${path}`);

const filesOf = (project: string, files: readonly string[]): readonly string[] => {
  const { include = [], exclude = [] } = projects[project] ?? {};
  return files.filter((path) => picomatch(include)(path) && !picomatch(exclude)(path));
};

describe("TypeScript tests", () => {
  const files = below("tests").filter((path) => path.endsWith(".test.ts"));
  const [test, engines] = ["test", "engines"].map((name) => filesOf(name, files));

  it("are in npm test, or are slow ones", () => {
    const slow = files.filter((path) => path.endsWith(".engines.test.ts"));
    expect([...(test ?? []), ...slow].sort()).toEqual([...files].sort());
    expect(slow.length).toBeGreaterThan(0);
  });

  it("are in npm run check if they are in npm test and start nothing", () => {
    const { projects = [], exclude = [] } = commands["check"] ?? {};
    expect(projects).toEqual(commands["test"]?.projects);
    const left = (test ?? []).filter((path) => picomatch(exclude)(path));
    expect(left).toEqual(
      (test ?? []).filter((path) => /^tests\/(?:e2e|crash)\/|browser\.test|disk\.test/.test(path)),
    );
  });

  it("that take wider samples, and slow ones, are in the project engines", () => {
    const wide = files.filter((path) => /^import .*rig\/wide\.ts";$/m.test(read(path)));
    const slow = files.filter((path) => path.endsWith(".engines.test.ts"));
    expect([...(engines ?? [])].sort()).toEqual([...wide, ...slow].sort());
  });

  it("have names by which they are found", () => {
    const odd = below("tests").filter((path) => /[._-](?:test|spec)s?\.[cm]?[jt]sx?$/.test(path));
    expect(odd.filter((path) => !path.endsWith(".test.ts"))).toEqual([]);
    const tracked = execFileSync("git", ["ls-files", "*.test.*"], {
      cwd: REPOSITORY,
      encoding: "utf8",
    });
    const elsewhere = tracked.split("\n").filter((path) => path !== "" && !/^tests\//.test(path));
    expect(elsewhere).toEqual([]);
  });
});

describe("Python tests", () => {
  it("are chosen by a mark and by its opposite", () => {
    expect([commands["test"]?.marks, commands["engines"]?.marks]).toEqual([
      "not engines",
      "engines",
    ]);
    expect(read("python/pyproject.toml").match(/^markers = .*$/m)?.[0]).toMatch(
      /^markers = \["engines:[^"]*"\]$/,
    );
  });

  it("have names by which they are found", () => {
    const files = below("python").filter((path) => path.endsWith(".py"));
    const found = /^python\/tests\/(?:in_\w+\/)?test_\w+\.py$/;
    const named = files.filter((path) => /^(?:async )?def test_/m.test(read(path)));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((path) => !found.test(path))).toEqual([]);
  });
});

describe("Python tests of an environment", () => {
  it("that npm test does not make are with the engines, or in the soak", () => {
    const folders = fs
      .readdirSync(join(REPOSITORY, "python/tests"))
      .filter((name) => /^in_/.test(name));
    expect(folders.length).toBeGreaterThan(0);
    const large = folders.filter((name) =>
      /\blarge: true\b/.test(read(`rules/${name.replace("in_", "")}.ts`)),
    );
    const { environments = [] } = commands["engines"] ?? {};
    const engines = environments.map((name) => `in_${name}`);
    const soak = read("scripts/soak.mjs");
    expect(large.filter((name) => !engines.includes(name) && !soak.includes(`"${name}"`))).toEqual(
      [],
    );
  });
});

describe("commands", () => {
  it("run all projects, and CI runs all commands but the soak", () => {
    const run = Object.values(commands).flatMap((command) => command.projects);
    expect([...new Set(run)].sort()).toEqual(Object.keys(projects).sort());
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const steps = read(".ci/run");
    for (const [name, file] of [
      ["lint", "check.mjs --lint"],
      ["test", "test.mjs"],
      ["test:engines", "engines.mjs"],
    ] as const) {
      expect(scripts[name]).toBe(`node scripts/${file}`);
      expect(steps).toContain(name === "test" ? "npm test\n" : `npm run ${name}\n`);
    }
    for (const name of Object.keys(commands)) {
      expect(read(`scripts/${name}.mjs`)).toContain(`suites.${name};`);
    }
  });
});
