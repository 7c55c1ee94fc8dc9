import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { layoutOf } from "../../src/host/disk/layout.ts";
import { moduleArguments, runnerEnvironment } from "../../src/host/python/runner-environment.ts";
import { Folder, REPOSITORY } from "./support/folder.ts";

const prepared = { python: "python3", cache: "/nowhere", tools: {}, named: false } as const;
const declared = { name: "none", requirements: "none.in", lock: "none.lock" };

describe("the package of Python ops is found", () => {
  it.each(["plain", "a:b", ":", "a b'\"c"])("in a folder named %s", (name) => {
    const folder = new Folder({
      [`${name}/python/aqm_runner/__init__.py`]: "",
      [`${name}/python/aqm_runner/__main__.py`]:
        "import sys, aqm_runner.other; print(__name__, sys.argv[1:])\n",
      [`${name}/python/aqm_runner/other.py`]: "",
    });
    const layout = layoutOf(join(folder.path, name), REPOSITORY);
    const env = runnerEnvironment(layout, prepared, declared, []);
    const said = execFileSync("python3", moduleArguments(layout, "aqm_runner"), {
      env,
      encoding: "utf8",
    });
    expect(said).toBe("__main__ []\n");
    for (const entry of env["PYTHONPATH"]?.split(":") ?? []) {
      if (entry !== "") expect(fs.existsSync(join(entry, "aqm_runner"))).toBe(true);
    }
  });
});

describe("bytecode of libraries", () => {
  it("has a place of its own for a named interpreter, whose packages may have none", () => {
    const layout = layoutOf(REPOSITORY, REPOSITORY);
    const named = runnerEnvironment(layout, { ...prepared, named: true }, declared, []);
    expect(named["AQM_BYTECODE"]).toBe("/nowhere/bytecode");
    expect(named["AQM_CACHES"]).toBe('["/nowhere/bytecode"]');
    expect(runnerEnvironment(layout, prepared, declared, [])).not.toHaveProperty("AQM_BYTECODE");
  });

  it("may be read in a workspace that holds it, as what ops have compiled may", () => {
    const layout = layoutOf(REPOSITORY, REPOSITORY);
    const compiles = { ...declared, caches: { THINGS: "things" } };
    const { THINGS, AQM_CACHES } = runnerEnvironment(layout, prepared, compiles, []);
    expect(JSON.parse(AQM_CACHES ?? "")).toEqual([THINGS]);
  });
});
