import { dirname, isAbsolute, join } from "node:path";
import type { Metafile } from "esbuild";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { ok } from "../../model/result.ts";
import {
  bundleModule,
  bundleOptions,
  entryOf,
  type Bundle,
  type BundleInput,
  type BundleModule,
} from "./bundle.ts";
import { errorCode } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { sourceSignature } from "../evidence/signature.ts";
import { Ways } from "../evidence/ways.ts";
import { placesOfImport } from "./places-to-look.ts";
import { Surroundings } from "./surroundings.ts";
import { linked, textOf, type Linked, type Warm, type WarmEntry } from "./warm-entry.ts";
import { changesOf, isDeceived, settledSignatures } from "./warm-signatures.ts";
import { WarmTexts } from "./warm-texts.ts";
import { readFileBytes } from "../disk/bounded-read.ts";

/** Signatures as they were at the first look of a round. */
class Looks {
  readonly #known = new Map<string, string>();
  readonly #ways = new Ways();

  at(path: string): string {
    let signature = this.#known.get(path);
    if (signature === undefined)
      this.#known.set(path, (signature = sourceSignature(path, this.#ways)));
    return signature;
  }
}

/**
 * Bundles as `bundleModule` does, to the same bytes, for a process that does so again and again: the bundler
 * keeps what it has parsed, and bundles only what depends on a changed file. Here the bundler reads the
 * files itself, so what it says counts only when each file looked the same before and after; whenever that, or
 * anything else, is in doubt, `bundleModule` is asked.
 */
export class WarmBundler {
  readonly #layout: Layout;
  /** Entry → whether with a source map. */
  readonly #wanted = new Map<string, boolean>();
  readonly #entries = new Map<string, WarmEntry>();
  readonly #digests = new Map<string, { readonly signature: string; readonly digest: Digest }>();
  /** By folder and specifier. */
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
      const own = { ...shared, entryPoints: { [name]: entryOf(this.#layout, path) } };
      this.#entries.set(path, {
        path,
        name,
        plain: await context({ ...own, sourcemap: sourceMap ? "external" : false }),
        minified: sourceMap ? null : await context({ ...own, minify: true, metafile: false }),
        bundle: null,
        looked: new Map(),
      });
    }
    await this.#shared?.dispose();
    const entryPoints = Object.fromEntries(
      [...this.#entries.values()].map(({ name, path }) => [name, entryOf(this.#layout, path)]),
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
    const changes = new Map(entries.map((entry) => [entry, changesOf(entry.looked, now)]));
    if (entries.some((entry) => isDeceived(entry.looked, now, changes.get(entry) ?? []))) {
      await this.close();
      return new Map();
    }
    const open = [...changes].filter(([{ bundle }, paths]) => bundle === null || paths.length > 0);
    const together = open.length > 1 ? this.#shared?.rebuild() : undefined;
    together?.catch(() => undefined); // each entry is told
    const linking = new Map(open.map(([entry, paths]) => [entry, linked(entry, paths, together)]));
    // Files are looked at once for all entries, and that is after all of them were linked.
    const all = Promise.all(linking.values());
    const looks = new Looks();
    const current = async (entry: WarmEntry): Promise<Bundle | null> => {
      const found = linking.get(entry);
      if (found === undefined) return entry.bundle;
      await all;
      return this.#taken(entry, await found, now, looks);
    };
    return new Map(entries.map((entry) => [entry.path, current(entry)]));
  }

  /** Null where nothing can be said for sure, or the entry could not be linked. */
  async #taken(
    entry: WarmEntry,
    link: Linked | null,
    before: ReadonlyMap<string, string>,
    looks: Looks,
    again = true,
  ): Promise<Bundle | null> {
    if (link === null) return null;
    const after = new Map<string, string>();
    let bundle: Bundle | null;
    try {
      bundle = this.#bundleOf(entry, link, after, looks);
    } catch (error) {
      if (errorCode(error) === "") throw error;
      return null; // one that is gone: which, `bundleModule` says
    }
    if (bundle === null) return null;
    entry.looked = after;
    if (changesOf(after, before).length === 0) entry.bundle = bundle;
    // Files that were unknown before: now that they are known, they can be looked at in time.
    else if (again) {
      const settled = await settledSignatures(after.keys());
      const relinked = await linked(entry, [...after.keys()], undefined);
      return this.#taken(entry, relinked, settled, new Looks(), false);
    }
    return entry.bundle;
  }

  #bundleOf(
    entry: WarmEntry,
    { plain, codeDigest }: Linked,
    looked: Map<string, string>,
    looks: Looks,
  ): Bundle | null {
    const { inputs, outputs } = plain.metafile;
    // Not by its entry: the bundler says where links on its path lead to.
    const [, output] =
      Object.entries(outputs).find(([path]) => path.endsWith(`/${entry.name}.mjs`)) ?? [];
    if (output?.entryPoint === undefined) throw new Error(`${entry.path} was not bundled`);
    const look = (path: string): string => {
      const signature = looks.at(path);
      looked.set(path, signature);
      return signature;
    };
    const surroundings = new Surroundings(look, this.#placesOf);
    look(entry.path);
    surroundings.noteModule(entry.path);
    const modules: BundleInput[] = [];
    for (const input of reachable(output.entryPoint, inputs)) {
      const used = (output.inputs[input]?.bytesInOutput ?? 0) > 0;
      const files = this.#texts.filesOf(input) ?? [this.#absolute(input)];
      for (const path of files) {
        const digest = this.#digestOf(path, look(path));
        if (digest === null) return null;
        modules.push({ path, used, digest });
      }
      for (const place of this.#texts.lookedOf(input)) look(place);
      const [path] = files;
      if (path === undefined || this.#texts.filesOf(input) !== null) continue;
      surroundings.noteModule(path);
      for (const { path: to, original = to } of inputs[input]?.imports ?? [])
        surroundings.noteImport(original.replace(/\?(?:raw|script)$/, ""), dirname(path));
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

  readonly #placesOf = (specifier: string, folder: string): readonly string[] => {
    const name = `${folder}\0${specifier}`;
    let places = this.#places.get(name);
    if (places === undefined) this.#places.set(name, (places = placesOfImport(specifier, folder)));
    return places;
  };

  /** Null where the file changed while it was read. */
  #digestOf(path: string, signature: string): Digest | null {
    const known = this.#digests.get(path);
    if (known?.signature === signature) return known.digest;
    const digest = digestOfBytes(readFileBytes(path));
    if (sourceSignature(path) !== signature) return null;
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
