import { dirname, join } from "node:path";
import type { PartialMessage, Plugin } from "esbuild";

/** What these plugins need of the bundle that they take part in. */
export interface TextReader {
  read(path: string): Uint8Array;
  noteResolution(specifier: string, folder: string): void;
  /** Modules of a script for the browser, so that they count as inputs of the bundle around it. */
  noteInside(path: string, modules: readonly string[]): void;
}

/** Namespaces of the bundle's inputs that are text; what follows the colon is an absolute path. */
export const TEXT = "text";
export const SCRIPT = "script";

/**
 * Texts as modules: `import styles from "./page.css?raw"` is that file as it is, and
 * `import script from "./client/main.ts?script"` is that module with its imports, bundled for a browser.
 */
export function textImports(reader: TextReader, inside: readonly Plugin[]): Plugin {
  const scripts = new Map<string, ReturnType<typeof browserScript>>();
  return {
    name: "text-imports",
    setup(build) {
      build.onResolve({ filter: /\?(?:raw|script)$/ }, ({ path, resolveDir }) => {
        const [file = "", kind] = path.split("?");
        reader.noteResolution(file, resolveDir);
        const namespace = kind === "raw" ? TEXT : SCRIPT;
        return { path: join(resolveDir, file), namespace, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: TEXT }, ({ path }) => ({
        contents: reader.read(path),
        loader: "text",
      }));
      build.onLoad({ filter: /.*/, namespace: SCRIPT }, async ({ path }) => {
        let script = scripts.get(path);
        if (script === undefined) scripts.set(path, (script = browserScript(path, inside)));
        try {
          const { text, modules } = await script;
          reader.noteInside(path, modules);
          return { contents: text, loader: "text" };
        } catch (error) {
          const { errors } = error as { readonly errors?: PartialMessage[] };
          if (errors === undefined) throw error;
          return { errors };
        }
      });
    },
  };
}

/** One minified classic script, and the absolute paths of the modules that are in it. */
export async function browserScript(
  entry: string,
  plugins: readonly Plugin[] = [],
): Promise<{ readonly text: string; readonly modules: readonly string[] }> {
  const { build } = await import("esbuild");
  const folder = dirname(entry);
  const result = await build({
    entryPoints: [entry],
    absWorkingDir: folder,
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: "iife",
    platform: "browser",
    target: "es2022",
    charset: "utf8",
    // In place of any tsconfig.json above: esbuild reads none in node_modules, and the script is part of a key.
    tsconfigRaw: { compilerOptions: { strict: true } },
    logLevel: "silent",
    plugins: [...plugins],
  });
  const modules = Object.keys(result.metafile.inputs).map((path) => join(folder, path));
  return { text: result.outputFiles[0]?.text ?? "", modules };
}
