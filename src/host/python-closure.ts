import * as fs from "node:fs";
import { join } from "node:path";

/**
 * The files of the runner package that a Python module imports, itself included, sorted. Imports of
 * ops are static by convention (`from aqm_runner.x import y`); a test compares this scan with what
 * Python really loads.
 *
 * @param root folder that holds the package
 * @param entry path of the module relative to `root`
 */
export function pythonClosure(root: string, entry: string): readonly string[] {
  const found = new Set<string>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    for (const module of importedModules(fs.readFileSync(join(root, path), "utf8"))) {
      pending.push(...filesOf(root, module));
    }
  }
  return [...found].sort();
}

/** Dotted names below `aqm_runner` that the text imports; for `from a import b` also `a.b`. */
function importedModules(text: string): readonly string[] {
  const modules: string[] = [];
  const statement =
    /^[ \t]*(?:from[ \t]+(aqm_runner[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)|import[ \t]+(aqm_runner[\w.]*))/gm;
  for (const [, parent, names, plain] of text.matchAll(statement)) {
    if (plain !== undefined) modules.push(plain);
    if (parent === undefined || names === undefined) continue;
    modules.push(parent);
    for (const name of names.replace(/[()]/g, "").split(",")) {
      const [first] = name.trim().split(/\s+/);
      if (first !== undefined && /^\w+$/.test(first)) modules.push(`${parent}.${first}`);
    }
  }
  return modules;
}

/** A module's own file and the `__init__.py` of every package above it, as far as they exist. */
function filesOf(root: string, module: string): readonly string[] {
  const parts = module.split(".");
  const files: string[] = [];
  for (let length = 1; length <= parts.length; length++) {
    const path = parts.slice(0, length).join("/");
    for (const file of [
      `${path}/__init__.py`,
      ...(length === parts.length ? [`${path}.py`] : []),
    ]) {
      if (fs.existsSync(join(root, file))) files.push(file);
    }
  }
  return files;
}
