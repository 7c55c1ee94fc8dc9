import { isAbsolute, join } from "node:path";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Layout } from "./layout.ts";

export interface Bundle {
  readonly code: string;
  readonly map: string | null;
  /** Absolute paths of all modules; `used` when tree shaking left something of them. */
  readonly inputs: readonly { readonly path: string; readonly used: boolean }[];
}

/**
 * Bundles one module for this Node, `aqm` and everything else included, so that the result runs from
 * anywhere and its inputs are the whole truth about what it is made of.
 */
export async function bundleModule(
  layout: Layout,
  entry: string,
  options: { readonly sourceMap?: boolean } = {},
): Promise<Result<Bundle, Failure>> {
  const { build } = await import("esbuild");
  try {
    const result = await build({
      entryPoints: [entry],
      outfile: join(layout.compiled, "bundle.mjs"),
      absWorkingDir: layout.root,
      bundle: true,
      write: false,
      metafile: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "silent",
      sourcemap: options.sourceMap === true ? "external" : false,
      alias: {
        "aqm/analysis": join(layout.packageRoot, "src/analysis/index.ts"),
        aqm: join(layout.packageRoot, "src/index.ts"),
      },
      // The engine's own modules declare nothing at the top level, so what is unused may go.
      plugins: [sideEffectFree(layout)],
    });
    const code = result.outputFiles.find(({ path }) => path.endsWith(".mjs"))?.text ?? "";
    const map = result.outputFiles.find(({ path }) => path.endsWith(".map"))?.text ?? null;
    const output = Object.values(result.metafile.outputs).find(({ entryPoint }) => entryPoint);
    const inputs = Object.keys(result.metafile.inputs).map((path) => ({
      path: isAbsolute(path) ? path : join(layout.root, path),
      used: (output?.inputs[path]?.bytesInOutput ?? 0) > 0,
    }));
    return ok({ code, map, inputs });
  } catch (error) {
    return err(bundleFailure(error, entry, layout));
  }
}

type Plugin = NonNullable<Parameters<typeof import("esbuild").build>[0]["plugins"]>[number];

function sideEffectFree(layout: Layout): Plugin {
  const own = join(layout.packageRoot, "src");
  return {
    name: "side-effect-free",
    setup(build) {
      build.onResolve({ filter: /^\.|^aqm(\/|$)/ }, async (args) => {
        if (args.pluginData === "resolved") return undefined;
        const found = await build.resolve(args.path, {
          kind: args.kind,
          importer: args.importer,
          resolveDir: args.resolveDir,
          pluginData: "resolved",
        });
        if (found.errors.length > 0) return { errors: found.errors };
        return found.path.startsWith(own) ? { path: found.path, sideEffects: false } : undefined;
      });
    },
  };
}

interface BundlerMessage {
  readonly text: string;
  readonly location: {
    readonly file: string;
    readonly line: number;
    readonly column: number;
  } | null;
}

function bundleFailure(error: unknown, entry: string, layout: Layout): Failure {
  const errors = (error as { errors?: readonly BundlerMessage[] }).errors ?? [];
  const first = errors[0];
  if (first === undefined) throw error;
  return {
    reason: "aqmfile_syntax",
    message: first.text,
    place:
      first.location === null
        ? { file: entry.replace(`${layout.root}/`, "") }
        : {
            file: first.location.file,
            line: first.location.line,
            column: first.location.column + 1,
          },
    ...(errors.length > 1 ? { cause: `and ${errors.length - 1} more` } : {}),
    nextStep: "Correct it and run the same command again; nothing was changed.",
  };
}
