import * as fs from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { includeFilter } from "../graph/include.ts";
import type { ComparedFile, ComparerModule } from "../model/comparison.ts";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import { Git } from "./process/git.ts";
import type { Layout } from "./disk/layout.ts";
import { readFileText } from "./disk/bounded-read.ts";
import { loadNamedModule } from "./code/named-module.ts";

/** A comparer need not export options. */
type WithoutOptions = Omit<ComparerModule, "options"> & Partial<Pick<ComparerModule, "options">>;

/** Compiles and loads a module that an Aqmfile names as a comparer. */
export async function loadComparer(
  layout: Layout,
  module: string,
): Promise<Result<ComparerModule, Failure>> {
  const loaded = await loadNamedModule<"compare", WithoutOptions>(layout, module, {
    kind: "comparer",
    exports: "compare",
    document: "docs/compare.md",
  });
  return loaded.ok ? ok({ options: {}, ...loaded.value }) : loaded;
}

/** A file that was found, and where it is, for the choice of a comparer. */
export interface Located extends ComparedFile {
  readonly path: string;
}

/**
 * Reads what the user named: `REF:PATH` of Git, a file, or a folder in which exactly one file fits.
 *
 * @param here the folder that the user is in
 * @param kinds what to look for in a folder: the first that something fits
 */
export async function locate(
  layout: Layout,
  here: string,
  asked: string,
  kinds: readonly Fits[],
): Promise<Result<Located, Failure>> {
  const colon = asked.indexOf(":");
  if (colon > 0 && !fs.existsSync(resolve(here, asked))) {
    const path = relative(layout.root, resolve(here, asked.slice(colon + 1)));
    return fromGit(layout, asked.slice(0, colon), path, asked, kinds);
  }
  const absolute = resolve(here, asked);
  const stat = fs.statSync(absolute, { throwIfNoEntry: false });
  if (stat === undefined) return err(notThere(asked, "there is no such file here"));
  if (!stat.isDirectory())
    return ok({ name: asked, path: absolute, text: fs.readFileSync(absolute, "utf8") });
  const chosen = only(asked, absolute, fs.readdirSync(absolute), kinds);
  if (!chosen.ok) return chosen;
  const path = join(absolute, chosen.value);
  return ok({ name: join(asked, chosen.value), path, text: readFileText(path) });
}

async function fromGit(
  layout: Layout,
  ref: string,
  path: string,
  asked: string,
  kinds: readonly Fits[],
): Promise<Result<Located, Failure>> {
  const git = Git.of(layout.root);
  if (git === null) return err(notThere(asked, "the workspace is in no Git repository"));
  if (path.startsWith("..")) return err(notThere(asked, "it lies outside of the workspace"));
  const found = await git.at(ref, path === "" ? "." : path);
  if (!found.ok) return found;
  if (found.value === null) return err(notThere(asked, `${ref} has no such file`));
  if ("text" in found.value) return ok({ name: asked, path, text: found.value.text });
  const chosen = only(asked, path, found.value.names, kinds);
  if (!chosen.ok) return chosen;
  const inside = join(path, chosen.value);
  return fromGit(layout, ref, inside, `${ref}:${inside}`, kinds);
}

/** What a folder stands for: the only file of the first kind that there is. */
function only(
  asked: string,
  folder: string,
  names: readonly string[],
  kinds: readonly Fits[],
): Result<string, Failure> {
  for (const fits of kinds) {
    const fitting = names.filter((name) => fits(join(folder, name))).sort();
    const [first, ...others] = fitting;
    if (first === undefined) continue;
    if (others.length === 0) return ok(first);
    return err({
      reason: "usage",
      message: `${asked} has several files that can be compared: ${fitting.join(", ")}`,
      nextStep: `Name one, for example ${join(asked, first)}.`,
    });
  }
  return err(notThere(asked, "nothing in it can be compared"));
}

/** Whether files of this path are of a kind. */
export type Fits = (path: string) => boolean;

export const knows =
  (...patterns: readonly string[]): Fits =>
  (path) => {
    const matches = includeFilter(patterns);
    return matches(path.replace(/^\/+/, "")) || matches(basename(path));
  };

const notThere = (asked: string, cause: string): Failure => ({
  reason: "usage",
  message: `${asked} cannot be compared: ${cause}`,
  nextStep: "Name a file, a folder with one, or REF:PATH; a target has to be built first.",
});
