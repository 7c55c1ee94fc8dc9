import * as fs from "node:fs";
import { join } from "node:path";
import type { EnvironmentDeclaration } from "../model/declaration.ts";
import { digestOfBytes, type Digest } from "../model/digest.ts";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import { readTextIfExists } from "./disk.ts";
import type { Layout } from "./layout.ts";

/** Digest of an environment's lock file: its part of every key. */
export function lockDigest(
  layout: Layout,
  declaration: EnvironmentDeclaration,
): Result<Digest, Failure> {
  const text = readTextIfExists(resolveEnvironmentFile(layout, declaration.lock));
  return text === null ? err(lockMissing(declaration)) : ok(digestOfBytes(text));
}

/** A path of the workspace, else of the aqm package, whose runner other workspaces use. */
export function resolveEnvironmentFile(layout: Layout, path: string): string {
  const own = join(layout.root, path);
  return fs.existsSync(own) ? own : join(layout.packageRoot, path);
}

const lockMissing = (declaration: EnvironmentDeclaration): Failure => ({
  reason: "environment_failed",
  message: `The environment ${declaration.name} has no lock file`,
  place: { file: declaration.lock },
  nextStep: `Make one from ${declaration.requirements}; docs/dependencies.md has the command.`,
});
