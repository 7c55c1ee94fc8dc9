import { hash } from "node:crypto";
import { canonicalJson, type Json } from "./json.ts";

/**
 * `sha256:<64 hex digits>` of content. SHA-256 because model hubs, Bazel caches, OCI registries and
 * in-toto statements speak it. Hashing is pure, hence the one `node:` import below `host/`.
 */
export type Digest = `sha256:${string}`;

export const digestOfBytes = (bytes: string | Uint8Array): Digest =>
  `sha256:${hash("sha256", bytes, "hex")}`;

/** The 64 hex digits, for names of files. */
export const hexOf = (digest: Digest): string => digest.slice("sha256:".length);

export const digestOfJson = (value: Json): Digest => digestOfBytes(canonicalJson(value));

/** A folder is the list of its files: `[relative path, digest]` pairs, sorted by path. */
export function digestOfFolder(
  files: readonly (readonly [path: string, digest: Digest])[],
): Digest {
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return digestOfJson(sorted);
}

export const isDigest = (text: string): text is Digest => /^sha256:[0-9a-f]{64}$/.test(text);

/** The first digits, for people. */
export const shortDigest = (digest: string): string => digest.replace("sha256:", "").slice(0, 10);
