// Bundles the command line into dist/: one entry, lazy chunks, packages left outside.
// With --standalone the packages go in too (all but esbuild, which brings a binary): what a machine
// without a package registry needs is then dist/ and node_modules/{esbuild,@esbuild}.
// What is bundled already is left alone: aqm takes a dist/ that was written again for another aqm.
import { build } from "esbuild";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Bundles, and writes `dist/` if it holds anything else; says whether it wrote. */
export async function bundle({ standalone = false } = {}) {
  const files = (await Promise.all(parts(standalone))).flatMap(({ outputFiles }) => outputFiles);
  if (isWritten(files)) return false;
  rmSync(join(root, "dist"), { recursive: true, force: true });
  for (const { path, contents } of files) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
  }
  return true;
}

function parts(standalone) {
  const shared = {
    absWorkingDir: root,
    outdir: "dist",
    bundle: true,
    write: false,
    platform: "node",
    target: "node20",
    logLevel: "warning",
  };
  const requireForCommonJs =
    'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);';
  return [
    build({
      ...shared,
      entryPoints: {
        main: "src/cli/main.ts",
        "hash-worker": "src/host/observe/hash-worker.ts",
        "op-worker": "src/host/typescript/op-worker.ts",
      },
      splitting: true,
      format: "esm",
      ...(standalone
        ? { external: ["esbuild"], banner: { js: requireForCommonJs } }
        : { packages: "external" }),
    }),
    // One file, packages and all, for what is asked most often: see at-once.ts.
    build({
      ...shared,
      entryPoints: { "at-once": "src/cli/at-once.ts" },
      outExtension: { ".js": ".cjs" },
      format: "cjs",
      define: { "import.meta.url": "__moduleUrl" },
      banner: { js: 'const __moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
    }),
    // What runs in the pages that aqm shows, and how they look.
    build({
      ...shared,
      entryPoints: {
        graph: "src/ui/web/graph.ts",
        "graph-style": "src/ui/web/graph.css",
        "reproduction-style": "src/ui/web/reproduction.css",
        serve: "src/ui/web/serve.ts",
        "serve-style": "src/ui/web/serve.css",
      },
      outdir: "dist/web",
      platform: "browser",
      target: "es2022",
      format: "iife",
      charset: "utf8",
      minify: true,
    }),
  ];
}

function isWritten(files) {
  const dist = join(root, "dist");
  if (!existsSync(dist)) return false;
  const there = readdirSync(dist, { recursive: true, withFileTypes: true });
  return (
    there.filter((entry) => !entry.isDirectory()).length === files.length &&
    files.every(({ path, contents }) => existsSync(path) && readFileSync(path).equals(contents))
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await bundle({ standalone: process.argv.includes("--standalone") });
