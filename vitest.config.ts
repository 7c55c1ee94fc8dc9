import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { defineConfig, type Plugin } from "vitest/config";
import { browserScript } from "./src/host/text-imports.ts";

/** What aqm's own bundler does with `?script`; Vite knows `?raw` by itself. */
const browserScripts: Plugin = {
  name: "browser-scripts",
  enforce: "pre",
  resolveId: (id, importer) =>
    id.endsWith("?script") && importer !== undefined ? join(dirname(importer), id) : undefined,
  load: async (id) =>
    id.endsWith("?script")
      ? `export default ${JSON.stringify((await browserScript(id.slice(0, -"?script".length))).text)};`
      : undefined,
};

export default defineConfig({
  plugins: [browserScripts],
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
