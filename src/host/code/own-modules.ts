import * as fs from "node:fs";
import { join } from "node:path";
import type { Plugin } from "esbuild";

/** What the plugin needs of the bundle that it takes part in. */
interface Noted {
  noteResolution(specifier: string, folder: string): void;
}

/**
 * Tells the bundler that the engine's own modules declare nothing at the top level, so that what is unused may go.
 *
 * @param packageRoot aqm's own folder
 * @param alias what names of aqm's modules begin with → the folder or module
 */
export function sideEffectFree(
  packageRoot: string,
  alias: Readonly<Record<string, string>>,
  reader: Noted,
): Plugin {
  const own = join(packageRoot, "src");
  const rules = join(packageRoot, "rules");
  const aliases = Object.entries(alias).sort(byLength);
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
