// Bundles the command line into dist/: one entry, lazy chunks, packages left outside.
// With --standalone the packages go in too (all but esbuild, which brings a binary): what a machine
// without a package registry needs is then dist/ and node_modules/{esbuild,@esbuild}.
import { build } from "esbuild";
import { rmSync } from "node:fs";

const standalone = process.argv.includes("--standalone");
const requireForCommonJs =
  'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: { main: "src/cli/main.ts", "hash-worker": "src/host/hash-worker.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  ...(standalone
    ? { external: ["esbuild"], banner: { js: requireForCommonJs } }
    : { packages: "external" }),
  logLevel: "warning",
});
