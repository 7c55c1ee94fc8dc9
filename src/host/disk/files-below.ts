import fastGlob from "fast-glob";

/**
 * Files below a folder that fit a pattern, relative to it and sorted; none where the folder is missing. Names
 * with a leading dot count, links in the place of a folder are not followed, and what cannot be read throws.
 *
 * For listings that decide nothing about what is fresh: those of inputs note what was looked at
 * (`observe/observer.ts`). Loads a package, so start-up does without it.
 */
export const filesBelow = (folder: string, pattern: string): readonly string[] =>
  fastGlob
    .sync(pattern, {
      cwd: folder,
      dot: true,
      followSymbolicLinks: false,
      onlyFiles: false,
      objectMode: true,
    })
    .filter(({ dirent }) => !dirent.isDirectory())
    .map(({ path }) => path)
    .sort();

/** How many folders below a folder fit a pattern. */
export const countFolders = (folder: string, pattern: string): number =>
  fastGlob.sync(pattern, { cwd: folder, onlyDirectories: true }).length;
