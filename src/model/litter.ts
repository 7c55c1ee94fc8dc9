/**
 * What editors, file managers and version control leave beside files, and no person means as data. It is no
 * config, no part of an input folder or of an output folder, and no reason to look while watching. What could
 * be data stays: other names with a leading dot, names that end in `~` or begin with `._` where the file that
 * they would be a copy of is not there, and a file `4913` with content. A file that a rule names by its own
 * path is never litter. docs/keys.md has the list for people.
 */

/** Version control, and what systems keep at the top of a disk or an archive. */
const FOLDERS =
  /^(?:\.git|\.hg|\.svn|__MACOSX|\.AppleDouble|\.Trashes|\.Trash-\d+|\.Spotlight-V100|\.fseventsd|lost\+found)$/;

/** Of a file manager, and made again by it: worth nothing to anybody. */
const WORTHLESS = /^(?:\.DS_Store|Thumbs\.db|ehthumbs\.db|desktop\.ini)$/;

/** `.git` of a submodule; locks and unsaved changes of Emacs, Vim, LibreOffice and Word; of network disks. */
const FILES =
  /^(?:\.git|\.#.+|#.+#|\..+\.sw[a-px]|\.~lock\..+#|~\$.+|.+___jb_(?:tmp|old)___|\.goutputstream-\w{6}|\.nfs[0-9a-f]{16,}|\.fuse_hidden[0-9a-f]{8,})$/;

/** What else is in the folder. */
export interface Around {
  readonly has: (name: string) => boolean;
  readonly isEmpty: (name: string) => boolean;
}

/** Whether a name in a folder is litter. A link counts as a file. */
export function isLitter(name: string, isFolder: boolean, around: Around): boolean {
  if (isFolder) return FOLDERS.test(name);
  if (isLitterByName(name)) return true;
  // Vim tries with this name whether it can write.
  if (name === "4913") return around.isEmpty(name);
  const original = originalOf(name);
  return original !== null && around.has(original);
}

/** Whether the name alone tells, of a file or of a folder on the way to it. */
export const isLitterByName = (name: string): boolean =>
  WORTHLESS.test(name) || FILES.test(name) || FOLDERS.test(name);

/** Whether litter may go with the folder that it lies in: it is none of a person's unsaved or versioned work. */
export const isWorthless = (name: string): boolean => WORTHLESS.test(name) || name.startsWith("._");

/** Whether a name in a group of configs is one. */
export const isConfigName = (name: string): boolean =>
  name.endsWith(".yaml") && !name.startsWith(".") && !FILES.test(name);

/** Whose backup, undo history or resource fork a file of this name would be. */
function originalOf(name: string): string | null {
  if (name.startsWith("._")) return name.slice(2);
  if (!name.endsWith("~")) return null;
  return /^\.(.+)\.un~$/.exec(name)?.[1] ?? name.replace(/(?:\.~\d+)?~$/, "");
}
