import * as fs from "node:fs";

/** Sorted names in a folder; none when it is not one. */
export function namesIn(path: string): readonly string[] {
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true ? fs.readdirSync(path).sort() : [];
}
