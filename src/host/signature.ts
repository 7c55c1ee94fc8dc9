import * as fs from "node:fs";
import { signatureOf, type Evidence } from "./evidence.ts";

/** Tells whether a file may have changed, for caches of things that are derived from sources. */
export function statSignature(path: string, evidence: Evidence): string {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  evidence.note(path, stat);
  return signatureOf(stat);
}

/** True while every file still has the signature that was noted. */
export const allCurrent = (noted: Readonly<Record<string, string>>, evidence: Evidence): boolean =>
  Object.entries(noted).every(([path, known]) => statSignature(path, evidence) === known);
