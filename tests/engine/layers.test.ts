import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { SINGLE_MODULES } from "../../src/host/code/own-modules.ts";
import { circlesText, fileArrows, roomArrows } from "./support/arrows.ts";
import { REPOSITORY } from "./support/folder.ts";
import { ANALYSIS, CLI, HOST, LAYERS, UI, heightOf, roomOf, type Wing } from "./support/order.ts";
import { readmeProblems } from "./support/room-readme.ts";
import { readSource, sourcesBelow, type SourceFile } from "./support/sources.ts";

const read = (path: string): SourceFile => readSource(REPOSITORY, path);
const all = sourcesBelow(REPOSITORY, "src");
const analysis = all.filter(({ path }) => path.startsWith("src/analysis/"));
const engine = all.filter((file) => !analysis.includes(file));
const rules = sourcesBelow(REPOSITORY, "rules");

const layerOf = (path: string): string => path.split("/")[1] ?? "";
const height = (layer: string): number => heightOf(LAYERS, layer);

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

describe("files and rooms", () => {
  it("have no circle of files, type-only imports included", () => {
    expect(circlesText(fileArrows([...all, ...rules, read("Aqmfile.ts")]))).toEqual([]);
  });

  it("have no circle of rooms, which are folders", () => {
    expect(circlesText(roomArrows(all))).toEqual([]);
  });

  describe.each<[string, Wing]>([
    ["src/host", HOST],
    ["src/analysis", ANALYSIS],
    ["src/cli", CLI],
    ["src/ui", UI],
  ])("%s", (folder, wing) => {
    const files = all.filter(({ path }) => path.startsWith(`${folder}/`));

    it("has every file in a room that has a place in the order", () => {
      const homeless = files.filter(({ path }) => roomOf(wing, path) === null);
      expect(homeless.map(({ path }) => path)).toEqual([]);
      const empty = wing.rows
        .flat()
        .filter((room) => !files.some(({ path }) => roomOf(wing, path) === room));
      expect(empty).toEqual([]);
    });

    it("imports only downwards, from room to room", () => {
      const wrong = violations(files, (imported, { path }) => {
        const [from, to] = [roomOf(wing, path) ?? "", roomOf(wing, imported)];
        return to === null || to === from || heightOf(wing, to) < heightOf(wing, from);
      });
      expect(wrong).toEqual([]);
    });

    it("has a README in every room, which names what the room imports", () => {
      expect(readmeProblems(wing, files)).toEqual([]);
    });
  });

  it("have a README in every layer and wing, too", () => {
    expect(readmeProblems(LAYERS, layered)).toEqual([]);
    const wings = [LAYERS, HOST, ANALYSIS, CLI, UI].map(({ folder }) => `${folder}/README.md`);
    expect(wings.filter((path) => !fs.existsSync(join(REPOSITORY, path)))).toEqual([]);
  });
});

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

  it("has one module each for zx, chokidar, fast-glob and string-width", () => {
    const users = (name: string): readonly string[] =>
      all
        .filter(({ imports }) => imports.some((to) => to === name || to.startsWith(`${name}/`)))
        .map(({ path }) => path);
    expect(users("zx")).toEqual(["src/host/process/process.ts"]);
    expect(users("chokidar")).toEqual(["src/host/evidence/watcher.ts"]);
    expect(users("fast-glob")).toEqual(["src/host/disk/files-below.ts"]);
    expect(users("string-width")).toEqual(["src/ui/columns.ts"]);
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
    const result = "src/model/result.ts"; // a value or an error: of neither wing
    expect(violations(analysis, (to) => to.startsWith("src/analysis/") || to === result)).toEqual(
      [],
    );
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
        [
          "aqm",
          "aqm/analysis",
          "aqm/analysis/pages",
          "aqm/analysis/quality-pages",
          "aqm/analysis/schemes-pages",
          "aqm/analysis/engine-pages",
        ].includes(to) ||
        shownBy(to).length > 0 ||
        to.startsWith("rules/"),
    );
    expect(wrong).toEqual([]);
  });

  it("take from single modules only what a public door shows of them", () => {
    const wrong = rules.flatMap(({ path, text }) =>
      [...text.matchAll(/import (?:type )?\{([^}]*)\} from "(aqm\/(?!rules\/).+\.ts)"/g)].flatMap(
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
    const own = new Set(
      folders.filter((name) =>
        /^analysis\/(?!page|schemes-page|quality-page|engine-comparison-page)/.test(name),
      ),
    );
    expect(["model", ...own]).toEqual([...SINGLE_MODULES]);
  });

  it("are all that the Aqmfile knows beside aqm, through the door that other workspaces have", () => {
    const wrong = violations(
      [read("Aqmfile.ts")],
      (to) => to === "aqm" || to.startsWith("aqm/rules/"),
    );
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
