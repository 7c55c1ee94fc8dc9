import { basename, join, relative, sep } from "node:path";
import type { Layout } from "../disk/layout.ts";
import { pythonRoot } from "./python-root.ts";

/** Folders of aqm's own package, by the beginning of the names of what is in them. */
const PACKAGE_FOLDERS = [
  ["aqm/rules/", "rules"],
  ["aqm/", "src"],
] as const;

/**
 * How a key names a module of a TypeScript op: the same on every machine, wherever the workspace lies and
 * aqm is installed. A module of aqm has the name by which it is imported (`aqm/analysis/x.ts`), one of another
 * package the package's (`npm:x/y.js`), any other its path in the workspace.
 */
export function sourceName(layout: Layout, path: string): string {
  for (const [name, folder] of PACKAGE_FOLDERS) {
    const own = relative(join(layout.packageRoot, folder), path);
    if (isInside(own)) return name + slashed(own);
  }
  const parts = path.split(sep);
  const packages = parts.lastIndexOf("node_modules");
  if (packages >= 0) return `npm:${parts.slice(packages + 1).join("/")}`;
  const inside = relative(layout.root, path);
  // A path outside of the workspace differs from machine to machine; the bytes are in the key.
  if (!isInside(inside)) return `outside:${basename(path)}`;
  return /^(?:aqm\/|npm:|outside:)/.test(slashed(inside))
    ? `./${slashed(inside)}`
    : slashed(inside);
}

/**
 * Absolute path of the module that a rule names: `rules/ops/x.ts` in the workspace, `aqm/rules/ops/x.ts` among the
 * rules that come with aqm.
 */
export function modulePath(layout: Layout, name: string): string {
  const [prefix, folder] = PACKAGE_FOLDERS[0];
  return name.startsWith(prefix)
    ? join(layout.packageRoot, folder, name.slice(prefix.length))
    : join(layout.root, name);
}

/** A file as a person would open it: relative to the workspace if it lies there. */
export function shownPath(layout: Layout, path: string): string {
  const inside = relative(layout.root, path);
  return isInside(inside) ? inside : path;
}

/** The same of a file of the runner package, which a key names by its path below the folder of the package. */
export const shownPythonPath = (layout: Layout, name: string): string =>
  shownPath(layout, join(pythonRoot(layout), name));

const isInside = (path: string): boolean => path !== ".." && !path.startsWith(`..${sep}`);
const slashed = (path: string): string => path.split(sep).join("/");
