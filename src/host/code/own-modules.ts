import * as fs from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";

/**
 * Below `aqm`, folders whose modules can be imported one by one: see `docs/design.md`, "Doors". A list, so that
 * no folder has to be read to know what a bundle is made of.
 */
export const SINGLE_MODULES = [
  "model",
  "analysis/bit-plan",
  "analysis/compare",
  "analysis/engine-comparison",
  "analysis/evaluation",
  "analysis/formats",
  "analysis/groups",
  "analysis/manifest",
  "analysis/plan-export",
  "analysis/python-json",
  "analysis/quality-report",
  "analysis/quality",
  "analysis/report",
  "analysis/result",
  "analysis/scheme-compare",
  "analysis/scheme-report",
  "analysis/schemes-overview",
  "analysis/schemes",
  "analysis/scores",
  "analysis/search",
  "analysis/solve",
  "analysis/text",
] as const;

/** What names of aqm's modules begin with → the folder or module. */
export const ownAliases = (packageRoot: string): Readonly<Record<string, string>> => ({
  "aqm/analysis/pages": join(packageRoot, "src/analysis/page/index.ts"),
  "aqm/analysis/quality-pages": join(packageRoot, "src/analysis/quality-page/index.ts"),
  "aqm/analysis/schemes-pages": join(packageRoot, "src/analysis/schemes-page/index.ts"),
  "aqm/analysis/engine-pages": join(packageRoot, "src/analysis/engine-comparison-page/index.ts"),
  ...Object.fromEntries(
    SINGLE_MODULES.map((name) => [`aqm/${name}`, join(packageRoot, "src", name)]),
  ),
  "aqm/analysis": join(packageRoot, "src/analysis/index.ts"),
  // The rules that come with aqm, one module each, as the ops among them are named.
  "aqm/rules": join(packageRoot, "rules"),
  aqm: join(packageRoot, "src/index.ts"),
});

/** What the plugin needs of the bundle that it takes part in. */
interface Noted {
  noteResolution(specifier: string, folder: string): void;
}

/**
 * Tells the bundler that the engine's own modules declare nothing at the top level, so that what is unused may go.
 *
 * @param packageRoot aqm's own folder
 */
export function sideEffectFree(packageRoot: string, reader: Noted): Plugin {
  const own = join(packageRoot, "src");
  const rules = join(packageRoot, "rules");
  const aliases = Object.entries(ownAliases(packageRoot)).sort(byLength);
  /** A module of aqm that an import names by its very place: the bundler would search long for the same. */
  const ownModule = ({ path, resolveDir }: { path: string; resolveDir: string }): string | null => {
    const [name, place] = aliases.find(([name]) => isBelow(path, name)) ?? [];
    const isFromOwn = path.startsWith(".") && [own, rules].some((it) => isBelow(resolveDir, it));
    const file =
      name !== undefined && place !== undefined
        ? join(place, path.slice(name.length))
        : isFromOwn
          ? join(resolveDir, path)
          : "";
    const isOwn = file.endsWith(".ts") && [own, rules].some((it) => isBelow(file, it));
    return isOwn && isPlain(file) ? file : null;
  };
  return {
    name: "side-effect-free",
    setup(build) {
      build.onResolve({ filter: /.*/ }, async (args) => {
        if (args.pluginData === "resolved" || args.kind === "entry-point") return undefined;
        reader.noteResolution(args.path, args.resolveDir);
        if (!/^\.|^aqm(\/|$)/.test(args.path)) return undefined;
        const direct = ownModule(args);
        if (direct !== null)
          return isBelow(direct, own) ? { path: direct, sideEffects: false } : { path: direct };
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

/** Whether there is a file, and no link on the way to it. */
function isPlain(path: string): boolean {
  try {
    return fs.realpathSync.native(path) === path && fs.lstatSync(path).isFile();
  } catch {
    return false;
  }
}

const byLength = ([one]: readonly [string, string], [other]: readonly [string, string]): number =>
  other.length - one.length;

const isBelow = (path: string, name: string): boolean =>
  path === name || path.startsWith(`${name}/`);
