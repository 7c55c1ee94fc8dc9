import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import fastGlob from "fast-glob";
import ts from "typescript";

export interface SourceFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly text: string;
  /** Repository-relative paths, or the specifier of a package as it is written. */
  readonly imports: readonly string[];
}

/** Every import counts, `import type`, `import()` and `?raw` too: a type that leaks upwards is a leak as well. */
export function readSource(repository: string, path: string): SourceFile {
  const text = fs.readFileSync(join(repository, path), "utf8");
  const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    const module = fileName.replace(/\?\w+$/, "");
    const isOwn = module.startsWith(".");
    return isOwn ? relative(repository, join(repository, dirname(path), module)) : module;
  });
  return { path, text, imports: [...new Set(imports)] };
}

/** The TypeScript files in a folder and all folders below, sorted by path. */
export const sourcesBelow = (repository: string, folder: string): readonly SourceFile[] =>
  fastGlob
    .sync(`${folder}/**/*.ts`, { cwd: repository })
    .sort()
    .map((path) => readSource(repository, path));
