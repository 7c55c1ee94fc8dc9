import * as fs from "node:fs";
import { join } from "node:path";
import { err, ok, type Result } from "../../model/result.ts";
import { readFileText } from "../disk/bounded-read.ts";

/** An import of the package that the scan does not understand. */
export interface UnclearImport {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

/**
 * The files of the runner package that a Python module imports, itself included, sorted: at the top, in functions,
 * in `if` and `try`. An import that is written otherwise, or whose module is only known when it runs
 * (`importlib.import_module`), is refused rather than missed. Tests compare this scan with Python's own parser, and
 * that with what Python loads.
 *
 * @param root folder that holds the package
 * @param entry path of the module relative to `root`
 * @param look is told of each path, relative to `root`, before it is read, also where nothing is
 */
export function pythonClosure(
  root: string,
  entry: string,
  look: (path: string) => void = () => undefined,
): Result<readonly string[], UnclearImport> {
  const found = new Set<string>();
  // Python runs the `__init__.py` of the packages around a module as well.
  look(entry);
  const around = filesOf(root, look, entry.replace(/\.py$/, "").replaceAll("/", "."));
  const pending = [entry, ...around];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    const imported = importedModules(readFileText(join(root, path)));
    if (!imported.ok) return err({ path, ...imported.error });
    for (const module of imported.value) pending.push(...filesOf(root, look, module));
  }
  return ok([...found].sort());
}

const FROM = /^[ \t]*from[ \t]+(aqm_runner[\w.]*)[ \t]+import[ \t]+(\([\w\s,]*\)|[\w ,\t*]+)$/;
const IMPORT =
  /^[ \t]*import[ \t]+([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*)[ \t]*$/;

/** What loads a module that no import statement names. */
const LOADS_BY_NAME =
  /\b(?:import_module|__import__|spec_from_file_location|exec_module|load_module|SourceFileLoader|run_module|run_path)\b/;

/** Dotted names below `aqm_runner` that the text imports; for `from a import b` also `a.b`. */
function importedModules(
  text: string,
): Result<readonly string[], { readonly line: number; readonly text: string }> {
  const modules: string[] = [];
  const lines = codeOf(text).split("\n");
  const written = text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const first = lines[index] ?? "";
    const line = index + 1;
    const unclear = err({ line, text: (written[index] ?? "").trim() });
    if (LOADS_BY_NAME.test(first)) return unclear;
    if (!/^[ \t]*(?:from|import)\b|[;:][ \t]*(?:from|import)\b/.test(first)) continue;
    if (!/\baqm_runner\b|\bfrom[ \t]+\./.test(first)) continue;
    let statement = first;
    if (first.includes("(")) {
      while (!statement.includes(")") && index + 1 < lines.length) {
        statement += ` ${lines[++index] ?? ""}`;
      }
    }
    const from = FROM.exec(statement.trimEnd());
    const plain = IMPORT.exec(statement);
    if (from === null && plain === null) return unclear;
    if (from?.[1] !== undefined) {
      modules.push(from[1]);
      for (const name of (from[2] ?? "").replace(/[()]/g, "").split(",")) {
        const [imported] = name.trim().split(/\s+/);
        if (imported !== undefined && /^\w+$/.test(imported))
          modules.push(`${from[1]}.${imported}`);
      }
    }
    for (const name of plain?.[1]?.split(",") ?? []) {
      const [imported = ""] = name.trim().split(/\s+/);
      if (/^aqm_runner(\.|$)/.test(imported)) modules.push(imported);
    }
  }
  return ok(modules);
}

/** The same lines without comments, and without what is in strings: a docstring may show an import. */
const codeOf = (text: string): string =>
  text.replace(
    /#[^\n]*|"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/g,
    (part) => (part.startsWith("#") ? "" : `""${"\n".repeat(part.split("\n").length - 1)}`),
  );

/** A module's own file and the `__init__.py` of every package above it, as far as they exist. */
function filesOf(root: string, look: (path: string) => void, module: string): readonly string[] {
  const parts = module.split(".");
  const files: string[] = [];
  for (let length = 1; length <= parts.length; length++) {
    const path = parts.slice(0, length).join("/");
    for (const file of [
      `${path}/__init__.py`,
      ...(length === parts.length ? [`${path}.py`] : []),
    ]) {
      look(file);
      if (fs.existsSync(join(root, file))) files.push(file);
    }
  }
  return files;
}
