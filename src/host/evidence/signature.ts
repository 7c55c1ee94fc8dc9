import * as fs from "node:fs";
import { join } from "node:path";
import { statOf, type Evidence } from "./evidence.ts";
import { isRacy, signatureOf } from "../disk/file-times.ts";
import type { Layout } from "../disk/layout.ts";

/**
 * Tells whether a source may have changed: its stat, and where it leads if it is a link. Of a file that
 * was written a moment ago nothing can be told, so its signature fits no later one.
 */
export function sourceSignature(path: string): string {
  const link = fs.lstatSync(path, { throwIfNoEntry: false });
  if (link === undefined) return "missing";
  const linked = link.isSymbolicLink();
  const stat = linked ? statOf(path) : link;
  const text = `${signatureOf(stat)}${linked ? ` → ${fs.readlinkSync(path)}` : ""}`;
  return stat !== undefined && isRacy(stat, Date.now()) ? `${text} racy ${Date.now()}` : text;
}

export const isRacySignature = (signature: string): boolean => signature.includes(" racy ");

/** The same, noted as evidence: as it was when this evidence first looked. */
export const statSignature = (path: string, evidence: Evidence): string =>
  evidence.signature(path, sourceSignature);

/** True while every file still has the signature that was noted. */
export const allCurrent = (noted: Readonly<Record<string, string>>, evidence: Evidence): boolean =>
  Object.entries(noted).every(([path, known]) => statSignature(path, evidence) === known);

/** What derived files depend on beside sources: where things lie, and which aqm derived them. */
export function derivationContext(layout: Layout): string {
  const aqm = sourceSignature(join(layout.packageRoot, "dist/main.js"));
  return JSON.stringify([layout.root, layout.packageRoot, aqm]);
}
