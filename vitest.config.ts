import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vitest/config";
import { browserScript } from "./src/host/code/text-imports.ts";

const MARK = "\0text:";

/** Texts as modules, as aqm's own bundler has them. */
const texts: Plugin = {
  name: "texts",
  enforce: "pre",
  resolveId: (id, importer) =>
    /\?(?:raw|script)$/.test(id) && importer !== undefined
      ? MARK + join(dirname(importer), id).replace("?", ".") // without CSS at its end, which Vitest empties
      : undefined,
  load: async (id) => {
    if (!id.startsWith(MARK)) return undefined;
    const path = id.slice(MARK.length, id.lastIndexOf("."));
    const text = id.endsWith(".raw")
      ? readFileSync(path, "utf8")
      : (await browserScript(path)).text;
    return { code: `export default ${JSON.stringify(text)};`, moduleType: "js" };
  },
};

/** Which files each project has: docs/testing.md says why. */
const suites = JSON.parse(readFileSync("tests/suites.json", "utf8")) as {
  projects: Record<string, { include: string[]; exclude: string[] }>;
  commands: Record<string, { exclude?: string[] }>;
};

/** What the command that asks leaves out: Vitest's own option for that says nothing to projects. */
const { exclude = [] } = suites.commands[process.env["AQM_TESTS_OF"] ?? ""] ?? {};

/** No clock for a test: these end one that hangs, not one on a busy machine. */
const MINUTES = 60_000;
const HANGS = process.env["AQM_SOAK"] === undefined ? 20 * MINUTES : 300 * MINUTES;

export default defineConfig({
  plugins: [texts],
  test: {
    globalSetup: "tests/rig/bundle-first.mjs",
    setupFiles: "tests/engine/support/remove-folders.ts",
    // One more than there are cores: a third of the time a test of the disk waits for the disk.
    maxWorkers: availableParallelism() + 1,
    server: {
      deps: {
        // Run as it is: aqm's own bundle, and what aqm compiles where tests damage the source maps.
        external: [/\/dist\/[^/]+\.js$/, /\/aqm-crash-[^/]+\/\.aqm\/compiled\//],
      },
    },
    // The bundler collects its garbage less often: a sixth less to compute, where tests bundle all the time.
    env: { GOGC: "400" },
    testTimeout: HANGS,
    hookTimeout: HANGS,
    // Files share a process, where aqm is loaded once. A process for each file took a second of CPU more.
    isolate: false,
    projects: Object.entries(suites.projects).map(([name, files]) => ({
      extends: true as const,
      test: { name, include: files.include, exclude: [...files.exclude, ...exclude] },
    })),
  },
});
