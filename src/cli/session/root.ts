import * as fs from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";

/** The folder of the aqm package: this module ends up in its `dist/`. */
export const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The nearest folder, from here upwards, that holds an Aqmfile; else the current one. */
export function workspaceRoot(): string {
  const start = process.cwd();
  for (let folder = start; ; folder = dirname(folder)) {
    if (fs.existsSync(join(folder, "Aqmfile.ts"))) return fs.realpathSync(folder);
    if (folder === dirname(folder)) return start;
  }
}

/**
 * The workspace-relative path of a target, a glob included. Targets are given relative to where the user is, or
 * absolute, as any other path; `.` is the workspace itself.
 *
 * @returns or that it is empty, or lies outside of the workspace, where there are no targets
 */
export function fromWorkspaceRoot(target: string, root: string): Result<string, Failure> {
  if (target === "") return err(emptyTarget);
  const here = fs.realpathSync(process.cwd());
  const absolute = resolve(here, target);
  for (const place of [absolute, reallyAt(absolute)]) {
    if (place === root) return ok(".");
    if (place.startsWith(root === "/" ? root : `${root}/`))
      return ok(place.slice(root === "/" ? 1 : root.length + 1));
  }
  return err({
    reason: "usage",
    message: `${target} lies outside of the workspace`,
    cause: `the workspace is ${root}`,
    nextStep:
      "Name a target relative to where you are, or by its absolute path in the workspace; `aqm list` shows them.",
  });
}

/** As a path it would be the folder where the user is: an unset shell variable would clean the whole folder. */
const emptyTarget: Failure = {
  reason: "usage",
  message: "A target is empty",
  nextStep: "Leave it out for all targets, or write `.` for those below this folder.",
};

/** All of them, or what is wrong with those that lie outside. */
export function allFromWorkspaceRoot(
  targets: readonly string[],
  root: string,
): Result<readonly string[], readonly Failure[]> {
  const found = targets.map((target) => fromWorkspaceRoot(target, root));
  const failures = found.flatMap((one) => (one.ok ? [] : [one.error]));
  return failures.length > 0
    ? err(failures)
    : ok(found.flatMap((one) => (one.ok ? [one.value] : [])));
}

/** A path may lead into the workspace by way of a link above it. */
function reallyAt(path: string): string {
  for (let above = path; above !== dirname(above); above = dirname(above)) {
    try {
      return join(fs.realpathSync(above), relative(above, path));
    } catch {
      continue; // not there: a target that is not built, or a glob
    }
  }
  return path;
}
