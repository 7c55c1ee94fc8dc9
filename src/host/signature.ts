import * as fs from "node:fs";

/** Tells whether a file may have changed, for caches of things that are derived from sources. */
export function statSignature(path: string): string {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined
    ? "missing"
    : `${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
}

/** True while every file still has the signature that was noted. */
export const allCurrent = (noted: Readonly<Record<string, string>>): boolean =>
  Object.entries(noted).every(([path, known]) => statSignature(path) === known);
