import * as fs from "node:fs";
import { join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import type { EnvironmentDescription } from "../../model/record.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { readTextIfExists } from "../disk/disk.ts";
import type { Evidence } from "../evidence/evidence.ts";
import type { Layout } from "../disk/layout.ts";

/** An environment's part of every key. */
export function describeEnvironment(
  layout: Layout,
  declaration: EnvironmentDeclaration,
  evidence: Evidence,
): Result<EnvironmentDescription, Failure> {
  const path = resolveEnvironmentFile(layout, declaration.lock);
  evidence.look(join(layout.root, declaration.lock));
  evidence.look(path);
  const text = readTextIfExists(path);
  if (text === null) return err(lockMissing(declaration));
  const { name, variables = {} } = declaration;
  return ok({ name, lock: digestOfBytes(text), variables });
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
