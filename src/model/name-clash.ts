import { foldersAbove } from "./folders.ts";

/**
 * What a name is to a file system that does not tell upper from lower case, or one Unicode form of a
 * letter from the other: two names with the same fold would be one file there.
 */
export function fold(path: string): string {
  // Nearly all paths are plain: no need to bother Unicode with them.
  const plain = /^[\x20-\x7e]*$/.test(path);
  return plain ? path.toLowerCase() : path.normalize("NFC").toLowerCase().normalize("NFC");
}

/** Two of these relative paths that would be one file elsewhere, or that go through such a folder. */
export function findClash(paths: Iterable<string>): readonly [string, string] | null {
  const seen = new Map<string, string>();
  for (const path of paths) {
    for (const part of [path, ...foldersAbove(path)]) {
      const other = seen.get(fold(part));
      if (other === part) break; // its parents are known, too
      if (other !== undefined) return [other, part];
      seen.set(fold(part), part);
    }
  }
  return null;
}
