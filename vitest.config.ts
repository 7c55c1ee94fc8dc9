import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
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
