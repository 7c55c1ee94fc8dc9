import * as fs from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { BuildContext, BuildResult, Metafile } from "esbuild";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import { ok } from "../model/result.ts";
import {
  bundleModule,
  bundleOptions,
  placesToLook,
  type Bundle,
  type BundleInput,
  type BundleModule,
} from "./bundle.ts";
import { errorCode } from "./disk.ts";
import type { Layout } from "./layout.ts";
import { WarmTexts } from "./warm-texts.ts";
import { isRacySignature, sourceSignature } from "./signature.ts";

type WarmOptions = ReturnType<typeof bundleOptions> & { entryPoints: Record<string, string> };
type Warm = BuildContext<WarmOptions>;

/** After so many milliseconds most file systems have another time for the next change. */
const TICK = 21;

interface Contexts {
  readonly plain: Warm;
  readonly minified: Warm;
  /** Name of the output → absolute path of the entry. */
  readonly entries: ReadonlyMap<string, string>;
}

/**
 * Bundles as `bundleModule` does, to the same bytes, for a process that does so again and again: the bundler
 * keeps what it has parsed, and all entries are bundled in one go. Here the bundler reads the files itself, so
 * what it says counts only when each file looked the same before and after; whenever that, or anything else,
 * is in doubt, `bundleModule` is asked.
 */
export class WarmBundler {
  readonly #layout: Layout;
  readonly #wanted = new Set<string>();
  /** Signatures of all that the last bundles depend on. */
  #looked: ReadonlyMap<string, string> = new Map();
  readonly #digests = new Map<string, { readonly signature: string; readonly digest: Digest }>();
  readonly #texts: WarmTexts;
  #warm = false;
  #contexts: Contexts | null = null;
  #round: Promise<ReadonlyMap<string, Bundle>> | null = null;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#texts = new WarmTexts(layout);
  }

  readonly bundle: BundleModule = async (layout, entry, options): ReturnType<BundleModule> => {
    this.#wanted.add(entry);
    const warm = (await this.#bundles()).get(entry);
    if (warm === undefined) return bundleModule(layout, entry, options);
    return ok(options?.sourceMap === true ? warm : { ...warm, map: null });
  };

  /** Whether the last bundles came from what was kept. */
  get isWarm(): boolean {
    return this.#warm;
  }

  /** From now on files may be others than those that were bundled. */
  begin(): void {
    this.#round = null;
  }

  /** To be called when there is time: gets ready for all that was asked for so far. */
  async warmUp(): Promise<void> {
    const known = new Set(this.#contexts?.entries.values());
    if ([...this.#wanted].every((entry) => known.has(entry))) return;
    await this.close();
    const { context } = await import("esbuild");
    const entries = new Map([...this.#wanted].sort().map((path, index) => [`e${index}`, path]));
    const shared = {
      ...bundleOptions(this.#layout),
      entryPoints: Object.fromEntries(entries),
      // Where `bundleModule` has it, since source maps are relative to it.
      outdir: this.#layout.compiled,
      outExtension: { ".js": ".mjs" },
      plugins: [this.#texts.plugin],
    };
    this.#contexts = {
      plain: await context({ ...shared, sourcemap: "external" }),
      minified: await context({ ...shared, minify: true }),
      entries,
    };
    await this.#bundles();
  }

  async close(): Promise<void> {
    const contexts = this.#contexts;
    this.#contexts = null;
    this.#round = null;
    this.#looked = new Map();
    await Promise.all([contexts?.plain.dispose(), contexts?.minified.dispose()]);
  }

  #bundles(): Promise<ReadonlyMap<string, Bundle>> {
    this.#round ??= this.#rebuild();
    return this.#round;
  }

  /** Empty where nothing can be said for sure, or an entry cannot be bundled. */
  async #rebuild(again = true): Promise<ReadonlyMap<string, Bundle>> {
    if (this.#contexts === null) return new Map();
    const before = await this.#settledSignatures();
    if (this.#isDeceived(before)) {
      // The bundler goes by size and time of modification; it would not notice.
      await this.close();
      return new Map();
    }
    const { plain, minified, entries } = this.#contexts;
    let results: readonly [BuildResult<WarmOptions>, BuildResult<WarmOptions>];
    try {
      results = await Promise.all([plain.rebuild(), minified.rebuild()]);
    } catch {
      return new Map(); // a mistake in some module: whose, `bundleModule` says
    }
    const bundles = new Map<string, Bundle>();
    const after = new Map<string, string>();
    try {
      for (const [name, entry] of entries) {
        const bundle = this.#bundleOf(name, entry, results, after);
        if (bundle !== null) bundles.set(entry, bundle);
      }
    } catch (error) {
      if (errorCode(error) === "") throw error;
      return new Map(); // a module is gone, since it was bundled
    }
    this.#looked = after;
    const steady = [...after].every(([path, signature]) => before.get(path) === signature);
    this.#warm = steady;
    if (steady) return bundles;
    // Files that were unknown before: now that they are known, they can be looked at in time.
    return again ? this.#rebuild(false) : new Map();
  }

  /** Of a file that was written within this tick of the clock nothing can be told, so it is waited for. */
  async #settledSignatures(): Promise<ReadonlyMap<string, string>> {
    const signatures = new Map<string, string>();
    for (const path of this.#looked.keys()) {
      let signature = sourceSignature(path);
      if (isRacySignature(signature)) {
        await new Promise((resolve) => setTimeout(resolve, TICK));
        signature = sourceSignature(path);
      }
      signatures.set(path, signature);
    }
    return signatures;
  }

  /** Whether a file changed although its size and its time of modification say otherwise. */
  #isDeceived(now: ReadonlyMap<string, string>): boolean {
    return [...now].some(([path, signature]) => {
      const known = this.#looked.get(path) ?? "";
      return known !== signature && withoutCtime(known) === withoutCtime(signature);
    });
  }

  #bundleOf(
    name: string,
    entry: string,
    [plain, minified]: readonly [BuildResult<WarmOptions>, BuildResult<WarmOptions>],
    looked: Map<string, string>,
  ): Bundle | null {
    const text = (result: BuildResult<WarmOptions>, ending: string): string | null =>
      result.outputFiles.find(({ path }) => path === join(this.#layout.compiled, name + ending))
        ?.text ?? null;
    const { inputs, outputs } = plain.metafile;
    const output = Object.values(outputs).find(
      ({ entryPoint }) => entryPoint !== undefined && this.#absolute(entryPoint) === entry,
    );
    const [code, small] = [text(plain, ".mjs"), text(minified, ".mjs")];
    if (output?.entryPoint === undefined || code === null || small === null) return null;
    const own: Record<string, string> = {};
    const look = (path: string): string => {
      let signature = looked.get(path);
      if (signature === undefined) looked.set(path, (signature = sourceSignature(path)));
      return (own[path] = signature);
    };
    const modules: BundleInput[] = [];
    for (const input of reachable(output.entryPoint, inputs)) {
      const used = (output.inputs[input]?.bytesInOutput ?? 0) > 0;
      const files = this.#texts.filesOf(input) ?? [this.#absolute(input)];
      for (const path of files)
        modules.push({ path, used, digest: this.#digestOf(path, look(path)) });
      for (const place of this.#texts.lookedOf(input)) look(place);
      for (const { path: to, original = to } of inputs[input]?.imports ?? []) {
        const specifier = original.replace(/\?(?:raw|script)$/, "");
        for (const place of placesToLook(specifier, dirname(this.#absolute(input)))) look(place);
      }
    }
    return {
      code,
      map: text(plain, ".mjs.map"),
      codeDigest: digestOfBytes(small),
      inputs: modules,
      looked: own,
    };
  }

  #digestOf(path: string, signature: string): Digest {
    const known = this.#digests.get(path);
    if (known?.signature === signature) return known.digest;
    const digest = digestOfBytes(fs.readFileSync(path));
    this.#digests.set(path, { signature, digest });
    return digest;
  }

  #absolute(path: string): string {
    return isAbsolute(path) ? path : join(this.#layout.root, path);
  }
}

/** The modules that an entry is made of, whether something of them is left or not. */
function reachable(entry: string, inputs: Metafile["inputs"]): ReadonlySet<string> {
  const found = new Set([entry]);
  for (const path of found)
    for (const { path: to, external } of inputs[path]?.imports ?? [])
      if (external !== true && to in inputs) found.add(to);
  return found;
}

const withoutCtime = (signature: string): string =>
  signature.replace(/^(\d+:\d+:\d+:[\d.]+):[\d.]+/, "$1");
