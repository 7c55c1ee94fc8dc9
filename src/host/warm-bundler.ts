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
import { isRacySignature, sourceSignature } from "./signature.ts";
import { WarmTexts } from "./warm-texts.ts";

type WarmOptions = ReturnType<typeof bundleOptions> & { entryPoints: Record<string, string> };
type Warm = BuildContext<WarmOptions>;

/** After so many milliseconds most file systems have another time for the next change. */
const TICK = 21;

interface Entry {
  readonly path: string;
  /** What its output is called. */
  readonly name: string;
  readonly plain: Warm;
  /** Null where a source map was asked for: then nobody wants to know the digest. */
  readonly minified: Warm | null;
  /** The last bundle that is sure, and the signatures of all that it depends on. */
  bundle: Bundle | null;
  looked: ReadonlyMap<string, string>;
}

/**
 * Bundles as `bundleModule` does, to the same bytes, for a process that does so again and again: the bundler
 * keeps what it has parsed, and only what depends on a changed file is bundled anew. Here the bundler reads the
 * files itself, so what it says counts only when each file looked the same before and after; whenever that, or
 * anything else, is in doubt, `bundleModule` is asked.
 */
export class WarmBundler {
  readonly #layout: Layout;
  /** Entry → whether with a source map. */
  readonly #wanted = new Map<string, boolean>();
  readonly #entries = new Map<string, Entry>();
  readonly #digests = new Map<string, { readonly signature: string; readonly digest: Digest }>();
  readonly #places = new Map<string, readonly string[]>();
  readonly #texts: WarmTexts;
  /** All entries in one go: what they share is looked at once. */
  #shared: Warm | null = null;
  /** Of this round. */
  #bundles: ReadonlyMap<string, Promise<Bundle | null>> | null = null;
  #exact = 0;
  #named = 0;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#texts = new WarmTexts(layout);
  }

  /** How often `bundleModule` had to be asked. */
  get exact(): number {
    return this.#exact;
  }

  readonly bundle: BundleModule = async (layout, entry, options): ReturnType<BundleModule> => {
    this.#wanted.set(entry, options?.sourceMap === true);
    // All at once: who asks for one will ask for the others.
    this.#bundles ??= await this.#begun();
    const warm = await this.#bundles.get(entry);
    if (warm !== null && warm !== undefined) return ok(warm);
    this.#exact += 1;
    return bundleModule(layout, entry, options);
  };

  /** From now on files may be others than those that were bundled. */
  begin(): void {
    this.#bundles = null;
  }

  /** To be called when there is time: gets ready for all that was asked for so far. */
  async warmUp(): Promise<void> {
    const missing = [...this.#wanted].filter(([path]) => !this.#entries.has(path));
    if (missing.length === 0) return;
    const { context } = await import("esbuild");
    const shared = {
      ...bundleOptions(this.#layout),
      // As `bundleModule` has it, since source maps are relative to it.
      outdir: this.#layout.compiled,
      outExtension: { ".js": ".mjs" },
      plugins: [this.#texts.plugin],
    };
    for (const [path, sourceMap] of missing) {
      const name = `e${this.#named++}`;
      const own = { ...shared, entryPoints: { [name]: path } };
      this.#entries.set(path, {
        path,
        name,
        plain: await context({ ...own, sourcemap: sourceMap ? "external" : false }),
        minified: sourceMap ? null : await context({ ...own, minify: true }),
        bundle: null,
        looked: new Map(),
      });
    }
    await this.#shared?.dispose();
    const entryPoints = Object.fromEntries(
      [...this.#entries.values()].map(({ name, path }) => [name, path]),
    );
    this.#shared = await context({ ...shared, entryPoints, sourcemap: "external" });
    await this.#shared.rebuild().catch(() => undefined);
    this.begin();
    this.#bundles = await this.#begun();
    await Promise.all(this.#bundles.values());
  }

  async close(): Promise<void> {
    const contexts = [...this.#entries.values()].flatMap(({ plain, minified }) => [
      plain,
      minified,
    ]);
    const all = [...contexts, this.#shared].filter((one) => one !== null);
    this.#entries.clear();
    this.#shared = null;
    this.begin();
    await Promise.all(all.map((one) => one.dispose()));
  }

  async #begun(): Promise<ReadonlyMap<string, Promise<Bundle | null>>> {
    const entries = [...this.#entries.values()];
    const now = await settledSignatures(entries.flatMap(({ looked }) => [...looked.keys()]));
    if (entries.some(({ looked }) => isDeceived(looked, now))) {
      await this.close();
      return new Map();
    }
    const open = entries.filter(({ looked, bundle }) => bundle === null || isOther(looked, now));
    const together = open.length > 1 ? this.#shared?.rebuild() : undefined;
    together?.catch(() => undefined); // each entry is told
    return new Map(entries.map((entry) => [entry.path, this.#current(entry, now, together)]));
  }

  /** Null where nothing can be said for sure, or the entry cannot be bundled. */
  async #current(
    entry: Entry,
    before: ReadonlyMap<string, string>,
    together: Promise<BuildResult<WarmOptions>> | undefined,
    again = true,
  ): Promise<Bundle | null> {
    const changed = [...entry.looked].filter(([path, was]) => before.get(path) !== was);
    if (changed.length === 0 && entry.bundle !== null) return entry.bundle;
    const last = entry.bundle;
    entry.bundle = null;
    const after = new Map<string, string>();
    let bundle: Bundle;
    try {
      const touched = new Set(changed.map(([path]) => path));
      // What only changed in parts that are left out comes out as before: then its digest is known.
      const likelySame = last?.inputs.every(({ path, used }) => !used || !touched.has(path));
      const early = likelySame === true ? null : entry.minified?.rebuild();
      early?.catch(() => undefined);
      const plain = await (together ?? entry.plain.rebuild());
      const code = textOf(plain, `/${entry.name}.mjs`) ?? "";
      const known = last?.code === code ? last.codeDigest : null;
      const digest = known ?? (await digestOf(entry, early ?? entry.minified?.rebuild()));
      await early;
      bundle = this.#bundleOf(entry, plain, digest, after);
    } catch (error) {
      const isMistake = Array.isArray((error as { errors?: unknown }).errors);
      if (!isMistake && errorCode(error) === "") throw error;
      return null; // a mistake in some module, or one that is gone: what and where, `bundleModule` says
    }
    entry.looked = after;
    const steady = [...after].every(([path, signature]) => before.get(path) === signature);
    if (steady) entry.bundle = bundle;
    // Files that were unknown before: now that they are known, they can be looked at in time.
    else if (again)
      return this.#current(entry, await settledSignatures(after.keys()), undefined, false);
    return entry.bundle;
  }

  #bundleOf(
    entry: Entry,
    plain: BuildResult<WarmOptions>,
    codeDigest: Digest | null,
    looked: Map<string, string>,
  ): Bundle {
    const { inputs, outputs } = plain.metafile;
    const output = Object.values(outputs).find(
      ({ entryPoint }) => entryPoint !== undefined && this.#absolute(entryPoint) === entry.path,
    );
    if (output?.entryPoint === undefined) throw new Error(`${entry.path} was not bundled`);
    const look = (path: string): string => {
      let signature = looked.get(path);
      if (signature === undefined) looked.set(path, (signature = sourceSignature(path)));
      return signature;
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
        for (const place of this.#placesOf(specifier, dirname(this.#absolute(input)))) look(place);
      }
    }
    return {
      code: textOf(plain, `/${entry.name}.mjs`) ?? "",
      map: entry.minified === null ? textOf(plain, `/${entry.name}.mjs.map`) : null,
      codeDigest,
      inputs: modules,
      external: output.imports.filter((item) => item.external).map(({ path }) => path),
      looked: Object.fromEntries(looked),
    };
  }

  #placesOf(specifier: string, folder: string): readonly string[] {
    const key = `${folder}\0${specifier}`;
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const places = placesToLook(specifier, folder);
    this.#places.set(key, places);
    return places;
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

const isOther = (looked: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): boolean =>
  [...looked].some(([path, was]) => now.get(path) !== was);

/** Of a file that was written within this tick of the clock nothing can be told, so it is waited for. */
async function settledSignatures(paths: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const signatures = new Map<string, string>();
  for (const path of new Set(paths)) {
    let signature = sourceSignature(path);
    if (isRacySignature(signature)) {
      await new Promise((resolve) => setTimeout(resolve, TICK));
      signature = sourceSignature(path);
    }
    signatures.set(path, signature);
  }
  return signatures;
}

const textOf = ({ outputFiles }: BuildResult<WarmOptions>, ending: string): string | null =>
  outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? null;

async function digestOf(
  { name }: Entry,
  minified: Promise<BuildResult<WarmOptions>> | undefined,
): Promise<Digest | null> {
  return minified === undefined
    ? null
    : digestOfBytes(textOf(await minified, `/${name}.mjs`) ?? "");
}

/**
 * Whether a file changed although its size and its time of modification say otherwise: the bundler goes by
 * these, and would not notice.
 */
const isDeceived = (
  looked: ReadonlyMap<string, string>,
  now: ReadonlyMap<string, string>,
): boolean =>
  [...looked].some(([path, was]) => {
    const is = now.get(path) ?? "";
    return is !== was && withoutCtime(is) === withoutCtime(was);
  });

const withoutCtime = (signature: string): string =>
  signature.replace(/^(\d+:\d+:\d+:[\d.]+):[\d.]+/, "$1");
