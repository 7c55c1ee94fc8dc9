// Bundles the command line into dist/: one entry, lazy chunks, packages left outside.
// With --standalone the packages go in too (all but esbuild, which brings a binary): what a machine
// without a package registry needs is then dist/ and node_modules/{esbuild,@esbuild}.
import { build } from "esbuild";
import { rmSync } from "node:fs";

const standalone = process.argv.includes("--standalone");
const requireForCommonJs =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

rmSync("dist", { recursive: true, force: true });
const shared = {
  outdir: "dist",
  bundle: true,
  platform: "node",
  target: "node20",
  logLevel: "warning",
};
await build({
  ...shared,
  entryPoints: { main: "src/cli/main.ts", "hash-worker": "src/host/observe/hash-worker.ts" },
  splitting: true,
  format: "esm",
  ...(standalone
    ? { external: ["esbuild"], banner: { js: requireForCommonJs } }
    : { packages: "external" }),
});
// One file, packages and all, for what is asked most often: see at-once.ts.
await build({
  ...shared,
  entryPoints: { "at-once": "src/cli/at-once.ts" },
  outExtension: { ".js": ".cjs" },
  format: "cjs",
  define: { "import.meta.url": "__moduleUrl" },
  banner: { js: 'const __moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
});
// What runs in the pages that aqm shows, and how they look.
await build({
  ...shared,
  entryPoints: {
    graph: "src/ui/web/graph.ts",
    "graph-style": "src/ui/web/graph.css",
    serve: "src/ui/web/serve.ts",
    "serve-style": "src/ui/web/serve.css",
  },
  outdir: "dist/web",
  platform: "browser",
  target: "es2022",
  format: "iife",
  charset: "utf8",
  minify: true,
});
