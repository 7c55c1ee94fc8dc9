import type { SkippedDeclaration } from "../model/declaration.ts";
import type { Failure } from "../model/failure.ts";
import { foldersAbove, onceForEachFolder, parentOf } from "../model/folders.ts";
import { checkPath } from "./path.ts";

/** Path → why it is skipped. What is skipped and made all the same is a mistake. */
export function skippedTargets(
  declared: readonly SkippedDeclaration[],
  byOutput: ReadonlyMap<string, unknown>,
  failures: Failure[],
): ReadonlyMap<string, string> {
  const skipped = new Map<string, string>();
  if (declared.length === 0) return skipped;
  const refuse = (item: SkippedDeclaration, message: string, nextStep: string): void => {
    const place = item.declaredAt === undefined ? {} : { place: item.declaredAt };
    failures.push({
      reason: "invalid_declaration",
      message,
      nextStep,
      target: item.path,
      ...place,
    });
  };
  for (const item of declared) {
    const problem = checkPath(item.path);
    if (problem !== null) {
      refuse(
        item,
        `The path ${JSON.stringify(item.path)} ${problem}`,
        "Write it relative to the workspace, with forward slashes.",
      );
    }
    if (!skipped.has(item.path)) skipped.set(item.path, item.because);
  }
  const made = new Set<string>();
  const isTaken = onceForEachFolder(false, (folder, around) => around || skipped.has(folder));
  for (const path of byOutput.keys()) {
    if (!skipped.has(path) && !isTaken(parentOf(path))) continue;
    for (const around of [path, ...foldersAbove(path)]) {
      if (skipped.has(around)) made.add(around);
    }
  }
  for (const item of declared) {
    if (!made.has(item.path)) continue;
    refuse(item, `${item.path} is skipped, and made as well`, "Drop one of the two declarations.");
  }
  return skipped;
}
