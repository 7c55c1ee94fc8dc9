import { join } from "node:path";
import type { Evidence } from "./evidence.ts";
import { isRacy, signatureOf } from "../disk/file-times.ts";
import type { Layout } from "../disk/layout.ts";
import { Ways, type Lead } from "./ways.ts";

/**
 * Tells whether a source may have changed: its stat, and where its path leads if a link is on the way. Of a file that
 * was written a moment ago nothing can be told, so its signature fits no later one.
 *
 * @param ways may have looked at folders on the way before
 */
export const sourceSignature = (path: string, ways = new Ways()): string =>
  signatureOfLead(path, ways.look(path));

function signatureOfLead(path: string, { real, stat }: Lead): string {
  const text = `${signatureOf(stat)}${real === path ? "" : ` → ${real}`}`;
  return stat !== undefined && isRacy(stat, Date.now()) ? `${text} racy ${Date.now()}` : text;
}

export const isRacySignature = (signature: string): boolean => signature.includes(" racy ");

/** The same, noted as evidence: as it was when this evidence first looked. */
export const statSignature = (path: string, evidence: Evidence): string =>
  evidence.signature(path, signatureOfLead);

/** True while every file still has the signature that was noted. */
export const allCurrent = (noted: Readonly<Record<string, string>>, evidence: Evidence): boolean =>
  Object.entries(noted).every(([path, known]) => statSignature(path, evidence) === known);

/**
 * Notes as evidence what was looked at before, with the signatures of then: what is another file by now is in doubt.
 */
export function noteLooked(looked: Readonly<Record<string, string>>, evidence: Evidence): void {
  for (const [path, signature] of Object.entries(looked))
    if (statSignature(path, evidence) !== signature) evidence.doubtGround(path);
}

/** What derived files depend on beside sources: where things lie, and which aqm derived them. */
export function derivationContext(layout: Layout): string {
  const aqm = sourceSignature(join(layout.packageRoot, "dist/main.js"));
  return JSON.stringify([layout.root, layout.packageRoot, aqm]);
}
