import * as fs from "node:fs";
import { join } from "node:path";
import fastGlob from "fast-glob";
import { expect, it } from "vitest";
import { pythonClosure } from "../../src/host/code/python-closure.ts";
import { python } from "../analysis/python.ts";
import { WIDE } from "../rig/wide.ts";
import { REPOSITORY } from "../rig/workspace.ts";
import { valueOf } from "../engine/support/results.ts";

const ROOT = join(REPOSITORY, "python");

/** They load modules that no import names, so no op may have them in its closure. */
const BY_NAME = [
  "aqm_runner/runner/registry.py",
  "aqm_runner/runner/bytecode.py",
  "aqm_runner/modelopt/prepare_extensions.py",
];

/** For each module, the modules of the package that Python's parser finds imported in it, anywhere. */
const PARSER = `
import ast, json, sys
from pathlib import Path
found = {}
for path in json.load(sys.stdin):
    names = set()
    for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    found[path] = sorted(name for name in names if name.split(".")[0] == "aqm_runner")
print(json.dumps(found))
`;

it("the closure of every module of the runner package is what Python's own parser finds", () => {
  const paths = fastGlob.sync("aqm_runner/**/*.py", { cwd: ROOT }).sort();
  const imports = JSON.parse(
    python(PARSER, JSON.stringify(paths.map((path) => join(ROOT, path)))),
  ) as Readonly<Record<string, readonly string[]>>;
  const filesOf = (module: string): readonly string[] => {
    const parts = module.split(".");
    const packages = parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/__init__.py`);
    return [...packages, `${parts.join("/")}.py`].filter((path) => fs.existsSync(join(ROOT, path)));
  };
  const parsed = (entry: string): readonly string[] => {
    const found = new Set(filesOf(entry.replace(/\.py$/, "").replaceAll("/", ".")));
    for (const path of found)
      for (const module of imports[join(ROOT, path)] ?? [])
        for (const file of filesOf(module)) found.add(file);
    return [...found].sort();
  };
  const scanned = paths.filter((path) => !parsed(path).some((each) => BY_NAME.includes(each)));
  const ops = paths.filter((path) => path.includes("/ops/"));
  expect(ops.length).toBeGreaterThan(8);
  expect(scanned).toEqual(expect.arrayContaining(ops));
  for (const entry of scanned.filter((_, index) => WIDE || index % 4 === 0))
    expect([entry, ...valueOf(pythonClosure(ROOT, entry))]).toEqual([entry, ...parsed(entry)]);
});
