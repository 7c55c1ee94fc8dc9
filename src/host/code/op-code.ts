import { SourceMap, type SourceMapPayload } from "node:module";
import { err, ok, type Result } from "../../model/result.ts";
import type { Failure, SourcePlace } from "../../model/failure.ts";
import { readFileText } from "../disk/bounded-read.ts";
import { errorText } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { findMarks, marksFor, surroundings } from "./ambient.ts";
import type { Bundle } from "./bundle.ts";
import { shownPath } from "./source-name.ts";

/**
 * The first thing beside its inputs and params that an op reads, as far as its syntax shows; null where there is
 * none. What only a package of npm mentions is left to the realm that it runs in: there is nothing of Node.
 */
export async function surroundingsOf(
  layout: Layout,
  file: string,
  { code, external, inputs }: Pick<Bundle, "code" | "external" | "inputs">,
): Promise<Failure | null> {
  const used = inputs.filter(({ used }) => used).map(({ path }) => path);
  const own = inputs.map(({ path }) => path).filter((path) => !path.includes("/node_modules/"));
  const [module] = external;
  if (module !== undefined) {
    const place = placeOfImport(layout, own, module);
    return refused(`imports ${module}`, place ?? { file });
  }
  if ((await surroundings(code)).every(isLeftToTheRealm)) return null;
  for (const path of used) {
    if (path.includes("/node_modules/") || !/\.[cm]?[jt]sx?$/.test(path)) continue;
    const found = await firstIn(layout, path);
    if (found !== null) return refused(`reads ${found.name}`, found.place);
  }
  return null;
}

/** `const { max } = Math` is no random number. */
const isLeftToTheRealm = (name: string): boolean => name === "Math";

const refused = (does: string, place: SourcePlace): Failure => ({
  reason: "invalid_declaration",
  message: `The op ${does}: what it gets there is not in its key, so aqm could not tell when its result is stale`,
  place,
  nextStep:
    "Hand over as a param or an input what it needs to know, or write a Python op. An op has the language, its params and its inputs.",
});

async function firstIn(
  layout: Layout,
  path: string,
): Promise<{ readonly name: string; readonly place: SourcePlace } | null> {
  const text = readFileText(path);
  const file = shownPath(layout, path);
  const marks = marksFor(text);
  const { transform } = await import("esbuild");
  const { code, map } = await transform(text, {
    loader: "ts",
    format: "esm",
    target: "node20",
    logLevel: "silent",
    sourcemap: "external",
    define: marks.definitions,
  });
  const first = findMarks(code, marks).find(({ name }) => !isLeftToTheRealm(name));
  if (first === undefined) {
    const name = (await surroundings(code)).find((found) => !isLeftToTheRealm(found));
    return name === undefined ? null : { name, place: { file } };
  }
  const before = code.slice(0, first.at).split("\n");
  const entry = new SourceMap(JSON.parse(map) as SourceMapPayload).findEntry(
    before.length - 1,
    before.at(-1)?.length ?? 0,
  );
  const at =
    "originalLine" in entry
      ? { line: entry.originalLine + 1, column: entry.originalColumn + 1 }
      : {};
  return { name: first.name, place: { file, ...at } };
}

function placeOfImport(
  layout: Layout,
  paths: readonly string[],
  module: string,
): SourcePlace | null {
  for (const path of paths) {
    if (!/\.[cm]?[jt]sx?$/.test(path)) continue;
    const lines = readFileText(path).split("\n");
    const line = lines.findIndex(
      (text) => text.includes(`"${module}"`) || text.includes(`'${module}'`),
    );
    if (line >= 0) return { file: shownPath(layout, path), line: line + 1 };
  }
  return null;
}

/** As a script that is evaluated for each call, in a realm of its own. */
export async function asCommonJs(code: string, file: string): Promise<Result<string, Failure>> {
  const { transform } = await import("esbuild");
  try {
    const options = { loader: "js", format: "cjs", target: "node20", logLevel: "silent" } as const;
    return ok((await transform(code, options)).code);
  } catch (error) {
    return err({
      reason: "invalid_declaration",
      message: "The op cannot be compiled to a module that is evaluated at once",
      cause: errorText(error),
      place: { file },
      nextStep: "Write it without await at the top level: an op is a plain function.",
    });
  }
}

/**
 * Whether the word `path` is anywhere in an op's code: an op without it has no way to ask for the path of an input
 * but by a name that is put together, which its realm refuses.
 */
export const mayReadPaths = (code: string): boolean => /\bpath\b/.test(code);
