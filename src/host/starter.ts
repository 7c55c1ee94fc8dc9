import * as fs from "node:fs";
import { join, resolve } from "node:path";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { StarterCall, StarterModule } from "../model/starter.ts";
import { readFileBeginning, readFileText } from "./disk/bounded-read.ts";
import { errorText } from "./disk/disk.ts";
import { namesIn } from "./disk/names-in.ts";
import type { Layout } from "./disk/layout.ts";
import { loadNamedModule } from "./code/named-module.ts";
import { visibleGpus } from "./gpu/gpus.ts";

/** Compiles and loads a starter among the rules that come with aqm. */
export const loadStarter = (
  layout: Layout,
  module: string,
): Promise<Result<StarterModule, Failure>> =>
  loadNamedModule<"start", StarterModule>(layout, module, {
    kind: "starter",
    exports: "start",
    list: "questions",
    document: "docs/init.md",
  });

/** This machine, and the folder that becomes a workspace, as a starter sees them. */
export function starterCall(
  { root, packageRoot }: Layout,
  answers: Readonly<Record<string, string>>,
): StarterCall {
  return {
    answers,
    root,
    configs: (group) =>
      namesIn(join(packageRoot, "conf", group)).map((name) => name.replace(/\.yaml$/, "")),
    read: (path) => {
      const file = resolve(root, path);
      return isThere(file, "isFile") ? readFileText(file) : null;
    },
    beginning: (path, most) => {
      const file = resolve(root, path);
      return isThere(file, "isFile") ? readFileBeginning(file, most) : null;
    },
    names: (path) => {
      const folder = resolve(root, path);
      return isThere(folder, "isDirectory") ? namesIn(folder) : null;
    },
    fetchJson,
    variable: (name) => process.env[name] || null,
    gpus: visibleGpus().length,
  };
}

/** A path below a file is not there either. */
function isThere(path: string, kind: "isFile" | "isDirectory"): boolean {
  try {
    return fs.statSync(path)[kind]();
  } catch {
    return false;
  }
}

/** After that an address counts as silent. */
const PATIENCE_MS = 20_000;

async function fetchJson(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<Result<unknown, string>> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return err(`${url} answers ${answer.status} ${answer.statusText}`.trim());
    return ok(await answer.json());
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    return err(`${url}: ${errorText(cause)}`);
  }
}
