import { join } from "node:path";
import type { Plugin } from "esbuild";
import { ModuleReader } from "./bundle.ts";
import type { Layout } from "../disk/layout.ts";
import { sideEffectFree } from "./own-modules.ts";
import { sourceSignature } from "../evidence/signature.ts";
import { browserScript, SCRIPT, TEXT } from "./text-imports.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

interface Script {
  readonly text: string;
  readonly modules: readonly string[];
  /** Signatures of all that it was made from, also of what was looked for in vain. */
  readonly looked: Readonly<Record<string, string>>;
}

/** `textImports` for a bundler that is asked again and again: an unchanged script is kept. */
export class WarmTexts {
  readonly #layout: Layout;
  readonly #scripts = new Map<string, Promise<Script>>();
  readonly #made = new Map<string, Script>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  readonly plugin: Plugin = {
    name: "warm-texts",
    setup: (build) => {
      build.onResolve({ filter: /\?(?:raw|script)$/ }, ({ path, resolveDir }) => {
        const [file = "", kind] = path.split("?");
        const namespace = kind === "raw" ? TEXT : SCRIPT;
        return { path: join(resolveDir, file), namespace, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: TEXT }, ({ path }) => ({
        contents: readFileBytes(path),
        loader: "text",
      }));
      build.onLoad({ filter: /.*/, namespace: SCRIPT }, async ({ path }) => {
        const { text } = await this.#script(path);
        return { contents: text, loader: "text" };
      });
    },
  };

  /** The files behind an input as the bundler names it; null for an ordinary module. */
  filesOf(input: string): readonly string[] | null {
    if (input.startsWith(`${SCRIPT}:`)) return this.#known(input)?.modules ?? [];
    return input.startsWith(`${TEXT}:`) ? [input.slice(TEXT.length + 1)] : null;
  }

  /** Beside these, what decided how a script was bundled. */
  lookedOf(input: string): readonly string[] {
    return Object.keys(this.#known(input)?.looked ?? {});
  }

  #known(input: string): Script | undefined {
    return this.#made.get(input.slice(SCRIPT.length + 1));
  }

  /** Several bundles want it at once. */
  async #script(path: string): Promise<Script> {
    const known = await this.#scripts.get(path)?.catch(() => null);
    const current =
      known !== undefined &&
      known !== null &&
      Object.entries(known.looked).every(([file, was]) => sourceSignature(file) === was);
    if (!current) this.#scripts.set(path, this.#make(path));
    const script = await (this.#scripts.get(path) ?? this.#make(path));
    this.#made.set(path, script);
    return script;
  }

  async #make(path: string): Promise<Script> {
    const reader = new ModuleReader();
    const plugins = [sideEffectFree(this.#layout.packageRoot, reader), reader.plugin()];
    const { text, modules } = await browserScript(path, plugins);
    return { text, modules, looked: reader.looked };
  }
}
