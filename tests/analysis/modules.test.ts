import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("../../src/analysis/", import.meta.url));

/** The modules whose code ends up in a bundle that uses only `name`. */
async function modulesOf(name: string): Promise<readonly string[]> {
  const result = await build({
    stdin: {
      contents: `import { ${name} } from "./index.ts"; globalThis.used = ${name};`,
      resolveDir: folder,
    },
    absWorkingDir: folder,
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    metafile: true,
    outfile: "bundle.js",
    logLevel: "silent",
  });
  const inputs = Object.values(result.metafile.outputs).flatMap((output) =>
    Object.entries(output.inputs),
  );
  return inputs
    .filter(([path, { bytesInOutput }]) => bytesInOutput > 0 && path !== "<stdin>")
    .map(([path]) => path)
    .sort();
}

const camelCase = (name: string): string =>
  name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

describe("the modules of the analysis", () => {
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => ({ file, text: readFileSync(`${folder}${file}`, "utf8") }));

  it("import nothing but each other, and never the public index", () => {
    const imports = sources.flatMap(({ file, text }) =>
      [...text.matchAll(/ from "([^"]+)"/g)].map(([, path]) => ({ file, path })),
    );
    expect(imports.filter(({ path }) => path?.startsWith(".") !== true)).toEqual([]);
    expect(imports.filter(({ path }) => path?.endsWith("/index.ts"))).toEqual([]);
  });

  it("stay short enough to be read at once", () => {
    // The door is a list of names.
    const modules = sources.filter(({ file }) => file !== "index.ts");
    expect(modules.filter(({ text }) => text.split("\n").length > 250)).toEqual([]);
  });

  /** Each report is a module `report/<name>-report.ts` that exports `<name>Report`. */
  const reports = sources.flatMap(({ file }) => {
    const [, name] = /^report\/(.+-report)\.ts$/.exec(file) ?? [];
    return name === undefined ? [] : [{ file, report: camelCase(name) }];
  });

  // Work is redone when a module it uses changes, so what a function pulls in matters.
  it.each(reports)(
    "do not tie $report to the search, nor to another report",
    async ({ file, report }) => {
      const modules = await modulesOf(report);
      expect(modules).toContain(file);
      expect(modules.filter((path) => path.startsWith("solve/"))).toEqual([]);
      const others = reports.filter((other) => other.file !== file).map((other) => other.file);
      expect(modules.filter((path) => others.includes(path))).toEqual([]);
    },
  );

  it("do not tie data to the words of people", async () => {
    const json = await modulesOf("jsonReport");
    expect(json.filter((path) => /(how-to-read|printf)\.ts$/.test(path))).toEqual([]);
  });

  it("do not tie manifests to the reports", async () => {
    const manifest = await modulesOf("buildManifest");
    expect(manifest.filter((path) => path.startsWith("report/"))).toEqual([]);
    const solver = await modulesOf("solveBitPlan");
    expect(solver.filter((path) => /^(manifest|report|scores)\//.test(path))).toEqual([]);
  });
});
