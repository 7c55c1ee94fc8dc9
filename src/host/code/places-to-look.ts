import { dirname, extname, isAbsolute, join } from "node:path";

/** What the bundler puts behind a name that has no ending, and what it takes in place of an ending. */
const ENDINGS = ["", ".ts", ".tsx", ".js", ".jsx", ".css", ".json"];
const INSTEAD: Readonly<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".jsx": [".ts", ".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
};

/** Files that decide how the modules of a folder, and of those below it, are read and what their imports mean. */
const CONFIGS = [
  "package.json",
  "tsconfig.json",
  "jsconfig.json",
  ".pnp.data.json",
  ".pnp.cjs",
  ".pnp.js",
];

export const configsIn = (folder: string): readonly string[] =>
  CONFIGS.map((name) => join(folder, name));

/** Where a module can be that is named by a path; a folder tells by its times when an index comes or goes. */
export function placesOfPath(path: string): readonly string[] {
  const ending = extname(path);
  return [
    ...ENDINGS.map((end) => path + end),
    ...(INSTEAD[ending] ?? []).map((end) => path.slice(0, -ending.length) + end),
    ...(ending === "" ? [join(path, "package.json")] : []),
  ];
}

/**
 * What could be taken in place of this module of a package: its main file can be named without an ending, or be the
 * index of a folder. Nothing outside of packages, where `placesOfImport` has all names that were tried.
 */
export function placesBeside(path: string): readonly string[] {
  if (!path.includes("/node_modules/")) return [];
  const stem = path.slice(0, path.length - extname(path).length);
  const folders = stem.endsWith("/index") ? placesOfPath(dirname(path)) : [];
  return [...placesOfPath(stem), ...folders];
}

/**
 * Where the bundler may look for what a module in `folder` imports, beside what TypeScript configs say. What begins
 * with `aqm` is taken from this aqm wherever it is imported, and Node has its own modules.
 */
export function placesOfImport(specifier: string, folder: string): readonly string[] {
  if (/^(?:aqm(?:\/|$)|node:)/.test(specifier)) return [];
  if (isAbsolute(specifier)) return placesOfPath(specifier);
  if (specifier.startsWith("."))
    return placesOfPath(join(folder, specifier).replace(/(?<=.)\/$/, ""));
  const [first = "", second = ""] = specifier.split("/");
  const name = first.startsWith("@") ? `${first}/${second}` : first;
  const places: string[] = [];
  for (let above = folder; ; above = dirname(above)) {
    const packages = join(above, "node_modules");
    places.push(join(packages, name), join(packages, name, "package.json"));
    if (specifier !== name) places.push(...placesOfPath(join(packages, specifier)));
    if (above === dirname(above)) return places;
  }
}
