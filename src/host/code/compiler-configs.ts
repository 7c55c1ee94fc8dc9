import { dirname, isAbsolute, join } from "node:path";
import type { Json, JsonObject } from "../../model/json.ts";
import { readFileText } from "../disk/bounded-read.ts";

interface CompilerConfig {
  readonly folder: string;
  readonly baseUrl: string | null;
  /** What specifiers are taken for, by pattern. */
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

/** A config with all that it extends. */
type Chain = readonly CompilerConfig[];

/**
 * The TypeScript configs that the bundler reads for modules of a folder. Names and fields are understood more widely
 * than the bundler does: what is looked at in vain costs a look, what is missed would leave an op wrongly fresh.
 */
export class CompilerConfigs {
  readonly #isThere: (path: string) => boolean;
  readonly #chains = new Map<string, readonly Chain[]>();

  /** @param isThere is asked of each path before it is read */
  constructor(isThere: (path: string) => boolean) {
    this.#isThere = isThere;
  }

  /** Reads what decides how the modules of a folder are compiled. */
  readFor(folder: string): void {
    this.#of(folder);
  }

  /** Where a module that a module of this folder imports could be, by `paths` and `baseUrl`. */
  candidates(specifier: string, folder: string): readonly string[] {
    if (specifier.startsWith(".") || isAbsolute(specifier)) return [];
    return this.#of(folder).flatMap((chain) => candidatesIn(chain, specifier));
  }

  /** Of the configs in the folder and in those above it, as the nearest one is taken. The bundler takes none in packages. */
  #of(folder: string): readonly Chain[] {
    if (folder.includes("/node_modules/")) return [];
    const known = this.#chains.get(folder);
    if (known !== undefined) return known;
    const here = ["tsconfig.json", "jsconfig.json"].flatMap((name) => {
      const chain = this.#chainOf(join(folder, name));
      return chain.length === 0 ? [] : [chain];
    });
    const above = folder === dirname(folder) ? [] : this.#of(dirname(folder));
    const all = [...here, ...above];
    this.#chains.set(folder, all);
    return all;
  }

  #chainOf(start: string): Chain {
    const chain: CompilerConfig[] = [];
    const pending = [start];
    for (const path of pending) {
      const config = this.#read(path);
      if (config === null) continue;
      const { extends: bases, compilerOptions } = config;
      const options = objectOf(compilerOptions);
      const folder = dirname(path);
      chain.push({
        folder,
        baseUrl: typeof options["baseUrl"] === "string" ? options["baseUrl"] : null,
        paths: Object.fromEntries(
          Object.entries(objectOf(options["paths"])).map(([key, to]) => [key, textsIn(to)]),
        ),
      });
      for (const base of textsIn(bases))
        for (const place of this.#basePlaces(base, folder))
          if (!pending.includes(place)) pending.push(place);
    }
    return chain;
  }

  /** Where a config that is extended could be; all of these that are there count. */
  #basePlaces(base: string, folder: string): readonly string[] {
    const forms = (path: string): string[] => [path, `${path}.json`, join(path, "tsconfig.json")];
    if (base.startsWith(".") || isAbsolute(base))
      return forms(isAbsolute(base) ? base : join(folder, base));
    const [first = "", second = ""] = base.split("/");
    const name = first.startsWith("@") ? `${first}/${second}` : first;
    const places: string[] = [];
    for (let above = folder; ; above = dirname(above)) {
      const packageFolder = join(above, "node_modules", name);
      const description = this.#read(join(packageFolder, "package.json"));
      const named = [...textsIn(description?.["tsconfig"]), ...textsIn(description?.["exports"])];
      places.push(...forms(join(above, "node_modules", base)));
      places.push(...named.map((path) => join(packageFolder, path)));
      if (above === dirname(above)) return places.filter((path) => !/\.[mc]?[jt]s$/.test(path));
    }
  }

  /** Null for nothing, for a folder, and for text that the bundler complains of. */
  #read(path: string): JsonObject | null {
    if (!this.#isThere(path)) return null;
    try {
      return objectOf(JSON.parse(withoutComments(readFileText(path))) as Json);
    } catch {
      return null;
    }
  }
}

function candidatesIn(chain: Chain, specifier: string): readonly string[] {
  const [nearest] = chain;
  const folders = chain.flatMap(({ folder, baseUrl }) =>
    baseUrl === null ? [folder] : [folder, resolved(baseUrl, folder, nearest)],
  );
  const targets = chain.flatMap(({ paths }) =>
    Object.entries(paths).flatMap(([pattern, to]) => {
      const star = starOf(pattern, specifier);
      return star === null ? [] : to.map((target) => target.replace("*", () => star));
    }),
  );
  return folders.flatMap((folder) =>
    [specifier, ...targets].map((target) => resolved(target, folder, nearest)),
  );
}

const resolved = (path: string, folder: string, nearest: CompilerConfig | undefined): string => {
  const target = path.replace("${configDir}", () => nearest?.folder ?? folder);
  return isAbsolute(target) ? join(target) : join(folder, target);
};

/** What the star of a pattern stands for; null where the pattern does not fit. */
function starOf(pattern: string, specifier: string): string | null {
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return pattern === specifier ? "" : null;
  const fits =
    specifier.length >= before.length + after.length &&
    specifier.startsWith(before) &&
    specifier.endsWith(after);
  return fits ? specifier.slice(before.length, specifier.length - after.length) : null;
}

const objectOf = (value: Json | undefined): JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};

/** Every text in a value: conditions of `exports` are not weighed. */
const textsIn = (value: Json | undefined): readonly string[] =>
  typeof value === "string"
    ? [value]
    : typeof value === "object" && value !== null
      ? Object.values(value as Readonly<Record<string, Json>>).flatMap(textsIn)
      : [];

/** TypeScript allows comments and trailing commas in configs, and a byte order mark. */
const withoutComments = (text: string): string =>
  text
    .replace(/^\uFEFF/, "")
    .replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[^]*?\*\//g, "$1")
    .replace(/("(?:\\.|[^"\\])*")|,(?=\s*[}\]])/g, "$1");
