import type { BuildContext, BuildResult } from "esbuild";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { errorCode } from "../disk/disk.ts";
import type { Bundle, bundleOptions } from "./bundle.ts";

type WarmOptions = ReturnType<typeof bundleOptions> & { entryPoints: Record<string, string> };
export type Warm = BuildContext<WarmOptions>;
type Minified = BuildContext<Omit<WarmOptions, "metafile">>;
type Output = Pick<BuildResult<WarmOptions>, "outputFiles">;

/** What the bundler made of an entry; what it depends on is yet to be looked at. */
export interface Linked {
  readonly plain: BuildResult<WarmOptions>;
  readonly codeDigest: Digest | null;
}

export interface WarmEntry {
  readonly path: string;
  /** What its output is called. */
  readonly name: string;
  readonly plain: Warm;
  /** Null where a source map was asked for: then the digest is not used. */
  readonly minified: Minified | null;
  /** The last bundle that is sure, and the signatures of all that it depends on. */
  bundle: Bundle | null;
  looked: ReadonlyMap<string, string>;
}

/** Null where the bundler found a mistake in some module: what and where, `bundleModule` says. */
export async function linked(
  entry: WarmEntry,
  changed: readonly string[],
  together: Promise<BuildResult<WarmOptions>> | undefined,
): Promise<Linked | null> {
  const last = entry.bundle;
  entry.bundle = null;
  try {
    const touched = new Set(changed);
    // What only changed in parts that are left out comes out as before: then its digest is known.
    const likelySame = last?.inputs.every(({ path, used }) => !used || !touched.has(path));
    const early = likelySame === true ? null : entry.minified?.rebuild();
    early?.catch(() => undefined);
    const plain = await (together ?? entry.plain.rebuild());
    const code = textOf(plain, `/${entry.name}.mjs`) ?? "";
    const known = last?.code === code ? last.codeDigest : null;
    const codeDigest = known ?? (await digestOf(entry, early ?? entry.minified?.rebuild()));
    await early;
    return { plain, codeDigest };
  } catch (error) {
    const isMistake = Array.isArray((error as { errors?: unknown }).errors);
    if (!isMistake && errorCode(error) === "") throw error;
    return null;
  }
}

export const textOf = ({ outputFiles }: Output, ending: string): string | null =>
  outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? null;

async function digestOf(
  { name }: WarmEntry,
  minified: Promise<Output> | undefined,
): Promise<Digest | null> {
  return minified === undefined
    ? null
    : digestOfBytes(textOf(await minified, `/${name}.mjs`) ?? "");
}
