import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import fastGlob from "fast-glob";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { SINGLE_MODULES } from "../../src/host/code/bundle.ts";
import { REPOSITORY } from "./support/folder.ts";

interface SourceFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  /** Repository-relative paths, or the specifier of a package as it is written. */
  readonly imports: readonly string[];
}

/** Every import, `import type` and `import()` too: a type that leaks upwards is a leak as well. */
function read(path: string): SourceFile {
  const text = fs.readFileSync(join(REPOSITORY, path), "utf8");
  const imports = ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) =>
      fileName.startsWith(".")
        ? relative(REPOSITORY, join(REPOSITORY, dirname(path), fileName))
        : fileName,
    );
  return { path, text, imports };
}

const filesBelow = (folder: string): readonly SourceFile[] =>
  fastGlob.sync(`${folder}/**/*.ts`, { cwd: REPOSITORY }).sort().map(read);

const all = filesBelow("src");
const analysis = all.filter(({ path }) => path.startsWith("src/analysis/"));
const engine = all.filter((file) => !analysis.includes(file));
const rules = filesBelow("rules");

/** Low to high; modules of one row do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["model"],
  ["declare", "graph"],
  ["keys"],
  ["plan"],
  ["schedule"],
  ["ports.ts"],
  ["host", "execute", "ui"],
  ["cli"],
];

const layerOf = (path: string): string => path.split("/")[1] ?? "";
const height = (layer: string): number => LAYERS.findIndex((row) => row.includes(layer));

/** `path → import` for every import that `allowed` refuses. */
const violations = (
  files: readonly SourceFile[],
  allowed: (imported: string, file: SourceFile) => boolean,
): readonly string[] =>
  files.flatMap((file) =>
    file.imports
      .filter((imported) => !allowed(imported, file))
      .map((imported) => `${file.path} → ${imported}`),
  );

const layered = engine.filter(({ path }) => path !== "src/index.ts");
const own = (imported: string): boolean => imported.startsWith("src/");

describe("the engine's layers", () => {
  it("has every module in a known layer", () => {
    expect(layered.filter(({ path }) => height(layerOf(path)) < 0).map(({ path }) => path)).toEqual(
      [],
    );
    expect(layered.length).toBeGreaterThan(40);
    expect(read("src/ports.ts").imports).toContain("src/graph/graph.ts"); // types are seen
  });

  it("imports only from lower layers or the own one", () => {
    const wrong = violations(layered, (imported, { path }) => {
      if (!own(imported)) return true;
      const [from, to] = [layerOf(path), layerOf(imported)];
      return from === to || height(to) < height(from);
    });
    expect(wrong).toEqual([]);
  });

  it("declares on nothing but the model, since an Aqmfile bundles it", () => {
    const declare = engine.filter(({ path }) => layerOf(path) === "declare");
    expect(declare.length).toBeGreaterThan(0);
    expect(violations(declare, (to) => /^src\/(declare|model)\//.test(to))).toEqual([]);
  });

  it("exports declarations and plain types as its public API, nothing else", () => {
    expect(violations([read("src/index.ts")], (to) => /^src\/(declare|model)\//.test(to))).toEqual(
      [],
    );
  });

  it("never imports the analysis", () => {
    expect(violations(engine, (to) => !to.startsWith("src/analysis"))).toEqual([]);
  });

  it("is pure below the ports: no node module but the hash", () => {
    const pure = layered.filter(({ path }) => height(layerOf(path)) <= height("ports.ts"));
    const wrong = violations(
      pure,
      (to, { path }) => own(to) || (to === "node:crypto" && path === "src/model/digest.ts"),
    );
    expect(wrong).toEqual([]);
  });

  it("starts processes with zx in one module and watches with chokidar in one", () => {
    const users = (name: string): readonly string[] =>
      all
        .filter(({ imports }) => imports.some((to) => to === name || to.startsWith(`${name}/`)))
        .map(({ path }) => path);
    expect(users("zx")).toEqual(["src/host/process/process.ts"]);
    expect(users("chokidar")).toEqual(["src/host/evidence/watcher.ts"]);
  });

  it("prints through its reporters only", () => {
    expect(all.filter(({ text }) => /\bconsole\s*\./.test(text)).map(({ path }) => path)).toEqual(
      [],
    );
  });

  it("has no word of quantization, comments and the package name included", () => {
    const words =
      /quant|modelopt|sensitivit|calibrat|bits? per|bit plan|effective.bits|\bn?v?(fp|int)(4|8|16)\b/i;
    const found = engine.flatMap(({ path, text }) =>
      text
        .split("\n")
        .flatMap((line, index) =>
          words.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [],
        ),
    );
    expect(found).toEqual([]);
  });
});

describe("the analysis", () => {
  it("imports nothing but itself: it would work in a notebook", () => {
    expect(analysis.length).toBeGreaterThan(20);
    expect(violations(analysis, (to) => to.startsWith("src/analysis/"))).toEqual([]);
  });

  it("has no word of the engine in its names", () => {
    const words =
      /\b(actionKey|ActionNode|ActionRecord|lockRecord|targetPath|BuildEvent|Aqmfile)\b/;
    expect(analysis.filter(({ text }) => words.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

const namesOf = (list: string): readonly string[] =>
  list.split(",").flatMap((name) => name.replace(/^\s*type /, "").trim() || []);

/** What its public door shows of a module that is imported by itself. */
const shownBy = (module: string): readonly string[] => {
  const inside = module.replace(/^aqm\//, "");
  const isAnalysis = inside.startsWith("analysis/");
  const from = isAnalysis ? inside.replace("analysis/", "./") : `./${inside}`;
  const door = read(isAnalysis ? "src/analysis/index.ts" : "src/index.ts").text;
  return [...door.matchAll(/\{([^}]*)\} from "([^"]+)"/g)].flatMap(([, names = "", path]) =>
    path === from ? namesOf(names) : [],
  );
};

describe("the rules", () => {
  it("join both through their public doors only", () => {
    expect(rules.length).toBeGreaterThan(0);
    const wrong = violations(
      rules,
      (to) =>
        ["aqm", "aqm/analysis", "aqm/analysis/pages"].includes(to) ||
        shownBy(to).length > 0 ||
        to.startsWith("rules/"),
    );
    expect(wrong).toEqual([]);
  });

  it("take from single modules only what a public door shows of them", () => {
    const wrong = rules.flatMap(({ path, text }) =>
      [...text.matchAll(/import (?:type )?\{([^}]*)\} from "(aqm\/.+\.ts)"/g)].flatMap(
        ([, names = "", module = ""]) =>
          namesOf(names)
            .filter((name) => !shownBy(module).includes(name))
            .map((name) => `${path} → ${module} ${name}`),
      ),
    );
    expect(wrong).toEqual([]);
    expect(shownBy("aqm/analysis/report/markdown-report.ts")).toContain("markdownReport");
    expect(shownBy("aqm/model/result.ts")).toEqual(["err", "ok", "Result"]);
    const folders = analysis.map(({ path }) => dirname(path).replace("src/", ""));
    const own = new Set(folders.filter((name) => /^analysis\/(?!page)/.test(name)));
    expect(["model", ...own]).toEqual([...SINGLE_MODULES]);
  });

  it("are all that the Aqmfile knows beside aqm", () => {
    const wrong = violations([read("Aqmfile.ts")], (to) => to === "aqm" || to.startsWith("rules/"));
    expect(wrong).toEqual([]);
  });

  it("changes files in host/disk.ts only, where crashes can be injected", () => {
    const changes =
      /\bfs\.(?:promises\.)?(?:write|rename|fsync|rm|unlink|link|symlink|append|copy|cp|mkdir|truncate|chmod|utimes)\w*\(/;
    const wrong = all.filter(
      ({ path, text }) => changes.test(text) && path !== "src/host/disk/disk.ts",
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
    expect(changes.test(read("src/host/disk/disk.ts").text)).toBe(true);
  });
});
