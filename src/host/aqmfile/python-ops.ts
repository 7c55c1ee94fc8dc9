import { join } from "node:path";
import type { ActionDeclaration } from "../../model/declaration.ts";
import { digestOfBytes } from "../../model/digest.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { pythonOps } from "../code/python-root.ts";
import { readCache, writeCache } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { derivationContext, statSignature } from "../evidence/signature.ts";

interface Cache {
  readonly context: string;
  /** Of what was found right, the latest last. */
  readonly right: readonly string[];
}

/** So many graphs are remembered as right: those of the last overrides, beside the plain one. */
const REMEMBERED = 16;

/** Path → signature of what the answer depends on. */
export type Looked = Readonly<Record<string, string>>;

/**
 * Holds every action of a Python op against the declaration beside the op, so that a wrong name, role or param
 * is found before anything runs. What was found right is remembered by a digest of the whole: the schema checker
 * loads only after an edit.
 */
export async function checkPythonOps(
  layout: Layout,
  evidence: Evidence,
  declared: readonly ActionDeclaration[],
): Promise<Result<Looked, readonly Failure[]>> {
  const actions = declared.filter(({ op }) => op.runtime === "python");
  if (actions.length === 0) return ok({});
  const folder = pythonOps(layout);
  const looked: Record<string, string> = {};
  for (const { op } of actions) {
    if (op.runtime !== "python") continue;
    for (const ending of ["json", "py"]) {
      const path = join(folder, `${op.name}.${ending}`);
      looked[path] ??= statSignature(path, evidence);
    }
  }
  const digest = digestOfBytes(JSON.stringify([looked, actions.map(checkedPart)]));
  const cachePath = join(layout.compiled, "python-ops.json");
  const context = derivationContext(layout);
  const cached = readCache(cachePath) as Cache | null;
  const right = cached?.context === context ? cached.right : [];
  if (right.includes(digest)) return ok(looked);
  const { pythonOpFailures } = await import("./python-op-check.ts");
  const failures = pythonOpFailures(layout, actions);
  if (failures.length > 0) return err(failures);
  writeCache(cachePath, { context, right: [...right, digest].slice(-REMEMBERED) });
  return ok(looked);
}

/** All of an action that is held against the op's declaration. */
const checkedPart = ({ op, params, inputs, outputs }: ActionDeclaration): unknown => [
  op,
  params,
  Object.entries(inputs).map(([role, { kind, optional }]) => [role, kind, optional]),
  Object.entries(outputs).map(([role, { kind }]) => [role, kind]),
];
