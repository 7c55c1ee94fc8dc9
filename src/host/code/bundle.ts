import { extname, isAbsolute, join, relative } from "node:path";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import type { BuildOptions } from "esbuild";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Layout } from "../disk/layout.ts";
import { sourceSignature } from "../evidence/signature.ts";
import { Ways } from "../evidence/ways.ts";
import { Surroundings } from "./surroundings.ts";
import { ownAliases, sideEffectFree } from "./own-modules.ts";
import { SCRIPT, TEXT, textImports, type TextReader } from "./text-imports.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

export interface Bundle {
  readonly code: string;
  readonly map: string | null;
  /**
   * Digest of the minified bundle: what is inlined from another module shows here, comments do not. Null where
   * a source map was asked for instead.
   */
  readonly codeDigest: Digest | null;
  readonly inputs: readonly BundleInput[];
  /** Modules that are not in the bundle: what it imports when it runs. */
  readonly external: readonly string[];
  /** Path → signature of all that decided what was bundled, also of what was looked for in vain. */
  readonly looked: Readonly<Record<string, string>>;
}

export interface BundleInput {
  /** Absolute. */
  readonly path: string;
  /** True when tree shaking kept a part of the module. */
  readonly used: boolean;
  /** Of the very bytes that were bundled. */
  readonly digest: Digest;
}

/** Everything that decides what a bundle is, but for the entry. */
export const bundleOptions = (layout: Layout) =>
  ({
    absWorkingDir: layout.root,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "node20",
    logLevel: "silent",
    alias: ownAliases(layout.packageRoot),
  }) as const satisfies BuildOptions;

export type BundleModule = typeof bundleModule;

/** As the bundler takes it: in an absolute path it would read a star as a pattern. */
export const entryOf = (layout: Layout, entry: string): string => {
  const inside = relative(layout.root, entry);
  return inside.startsWith("..") ? entry : `./${inside}`;
};

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
  const reader = new ModuleReader();
  reader.noteModule(entry); // its own path, too: the bundler says where links on it lead to
  if (reader.unreadable !== null) return err(neitherFileNorFolder(reader.unreadable, layout));
  const modulePlugins = [sideEffectFree(layout.packageRoot, reader), reader.plugin()];
  const shared = {
    ...bundleOptions(layout),
    entryPoints: [entryOf(layout, entry)] as string[],
    outfile: join(layout.compiled, "bundle.mjs"),
    // The engine's own modules declare nothing at the top level, so what is unused may go.
    plugins: [textImports(reader, modulePlugins), ...modulePlugins],
  } satisfies BuildOptions;
  try {
    const result = await build({
      ...shared,
      sourcemap: options.sourceMap === true ? "external" : false,
    });
    const minified = options.sourceMap === true ? null : await build({ ...shared, minify: true });
    const text = (files: typeof result.outputFiles, ending: string): string | null =>
      files.find(({ path }) => path.endsWith(ending))?.text ?? null;
    const output = Object.values(result.metafile.outputs).find(({ entryPoint }) => entryPoint);
    const inputs = Object.keys(result.metafile.inputs).flatMap((path) => {
      const used = (output?.inputs[path]?.bytesInOutput ?? 0) > 0;
      return reader
        .filesOf(path, layout.root)
        .map((absolute) => ({ path: absolute, used, digest: reader.digestOf(absolute) }));
    });
    return ok({
      code: text(result.outputFiles, ".mjs") ?? "",
      map: text(result.outputFiles, ".map"),
      codeDigest:
        minified === null ? null : digestOfBytes(text(minified.outputFiles, ".mjs") ?? ""),
      inputs,
      external: (output?.imports ?? []).filter((item) => item.external).map(({ path }) => path),
      looked: reader.looked,
    });
  } catch (error) {
    return err(bundleFailure(error, entry, layout));
  }
}

type Plugin = NonNullable<BuildOptions["plugins"]>[number];
type Loader = "ts" | "tsx" | "js" | "jsx" | "json";

const LOADERS: Readonly<Record<string, Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
  ".json": "json",
};

/**
 * Reads each module once, after taking its stat, so that signature, digest and what is bundled are of
 * the same bytes; and notes where else the bundler may have looked.
 */
export class ModuleReader implements TextReader {
  readonly #modules = new Map<string, { readonly contents: Buffer; readonly digest: Digest }>();
  readonly #inside = new Map<string, readonly string[]>();
  readonly #ways = new Ways();
  readonly #surroundings = new Surroundings((path) => this.#look(path));
  readonly looked: Record<string, string> = {};
  /** The first place that was looked at and is neither a file nor a folder: the bundler would read it for ever. */
  unreadable: string | null = null;

  plugin(): Plugin {
    return {
      name: "module-reader",
      setup: (build) => {
        build.onLoad({ filter: /.*/, namespace: "file" }, ({ path }) => {
          this.noteModule(path);
          if (this.unreadable !== null)
            return { errors: [{ text: `${this.unreadable} ${NEITHER}` }] };
          const loader = LOADERS[extname(path)];
          if (loader === undefined) return undefined;
          return { contents: this.#read(path).contents, loader };
        });
      },
    };
  }

  digestOf(path: string): Digest {
    return this.#read(path).digest;
  }

  read(path: string): Buffer {
    return this.#read(path).contents;
  }

  noteInside(path: string, modules: readonly string[]): void {
    this.#inside.set(path, modules);
  }

  /** The files behind an input as the bundler names it. */
  filesOf(input: string, root: string): readonly string[] {
    if (input.startsWith(`${SCRIPT}:`))
      return this.#inside.get(input.slice(SCRIPT.length + 1)) ?? [];
    const path = input.startsWith(`${TEXT}:`) ? input.slice(TEXT.length + 1) : input;
    return [isAbsolute(path) ? path : join(root, path)];
  }

  noteModule(path: string): void {
    this.#look(path);
    this.#surroundings.noteModule(path);
  }

  noteResolution(specifier: string, folder: string): void {
    this.#surroundings.noteImport(specifier, folder);
  }

  #read(path: string): { readonly contents: Buffer; readonly digest: Digest } {
    const known = this.#modules.get(path);
    if (known !== undefined) return known;
    this.#look(path);
    const contents = readFileBytes(path);
    const module = { contents, digest: digestOfBytes(contents) };
    this.#modules.set(path, module);
    return module;
  }

  #look(path: string): string {
    const known = this.looked[path];
    if (known !== undefined) return known;
    const { stat } = this.#ways.look(path);
    if (stat !== undefined && !stat.isFile() && !stat.isDirectory()) this.unreadable ??= path;
    return (this.looked[path] = sourceSignature(path, this.#ways));
  }
}

const NEITHER = "is neither a file nor a folder";

const neitherFileNorFolder = (path: string, layout: Layout): Failure => {
  const file = path.replace(`${layout.root}/`, "");
  return {
    reason: "input_unreadable",
    message: `${file} ${NEITHER}`,
    place: { file },
    nextStep: "Put a file in its place, or remove it: it decides what is compiled.",
  };
};

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
