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

export default defineConfig({
  plugins: [texts],
  test: {
    include: ["tests/**/*.test.ts"],
    // All cores: on a machine with two, Vitest would use one.
    maxWorkers: availableParallelism(),
    // What aqm compiles there is run as it is: Vite would complain about source maps that were damaged.
    server: { deps: { external: [/\/aqm-crash-[^/]+\/\.aqm\/compiled\//] } },
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
