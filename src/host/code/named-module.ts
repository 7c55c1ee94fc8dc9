import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { writeCompiled } from "./compiled-module.ts";
import { errorText, readTextIfExists } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { modulePath } from "./source-name.ts";

/** What a module that an Aqmfile names has to be. */
export interface Role<Name extends string> {
  /** As messages call it. */
  readonly kind: string;
  /** The function that it exports. */
  readonly exports: Name;
  /** The list that it exports beside; `patterns` if not given. */
  readonly list?: string;
  /** The page that says more. */
  readonly document: string;
}

/** Compiles and loads a module that an Aqmfile names (an adopter, a comparer), or a starter that comes with aqm. */
export async function loadNamedModule<
  Name extends string,
  Module extends Readonly<Record<Name, unknown>>,
>(layout: Layout, module: string, role: Role<Name>): Promise<Result<Module, Failure>> {
  const wrong = (cause: string): Result<never, Failure> => err(wrongModule(module, role, cause));
  const entry = modulePath(layout, module);
  if (readTextIfExists(entry) === null) return wrong("there is no such file");
  const { bundleModule } = await import("./bundle.ts");
  const bundled = await bundleModule(layout, entry);
  if (!bundled.ok) return bundled;
  const { code } = bundled.value;
  const name = `${role.kind}-${digestOfBytes(code).slice(7, 27)}.mjs`;
  writeCompiled(layout.compiled, name, code);
  try {
    const url = pathToFileURL(join(layout.compiled, name)).href;
    const loaded = (await import(url)) as Readonly<Record<string, unknown>>;
    const list = role.list ?? PATTERNS;
    const whole = Array.isArray(loaded[list]) && typeof loaded[role.exports] === "function";
    return whole
      ? ok(loaded as unknown as Module)
      : wrong(`it does not export ${list} and ${role.exports}`);
  } catch (error) {
    return wrong(errorText(error));
  }
}

const PATTERNS = "patterns";

const wrongModule = (module: string, role: Role<string>, cause: string): Failure => ({
  reason: "invalid_declaration",
  message: `${module} is no ${role.kind}`,
  cause,
  place: { file: module },
  nextStep: `It exports ${role.list ?? PATTERNS}, a list, and ${role.exports}, a function; ${role.document} has more.`,
});
