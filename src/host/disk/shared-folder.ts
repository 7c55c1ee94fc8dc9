import * as fs from "node:fs";
import { lstatIfThere } from "./stat.ts";

const GROUP = 0o020;
const OTHERS = 0o002;

/** Who this process is; −1 where the system has no users. */
export const thisUser = (): number => process.getuid?.() ?? -1;

/**
 * Says who else can change what is at a path, or null when only this user and root can: another owner, or a
 * mode that lets a group or everybody write. A group that has this user's number is the user's own, as many
 * systems make one for each user. What is not there cannot be changed. A link's mode says nothing, so
 * its owner counts alone.
 */
export function whoElseMayChange(path: string): string | null {
  const stat = lstatIfThere(path);
  const user = thisUser();
  if (stat === undefined || user === -1) return null;
  if (stat.uid !== user && stat.uid !== 0) return `it belongs to the user ${stat.uid}`;
  if (stat.isSymbolicLink()) return null;
  if ((stat.mode & OTHERS) !== 0) return "everybody may write it";
  if ((stat.mode & GROUP) !== 0 && stat.gid !== user) return `the group ${stat.gid} may write it`;
  return null;
}

/** The first of some paths that somebody else may change, where it really is, and why; null for none. */
export function firstShared(
  paths: readonly string[],
): { readonly path: string; readonly why: string } | null {
  for (const path of paths) {
    for (const place of lstatIfThere(path)?.isSymbolicLink() === true
      ? [path, real(path)]
      : [path]) {
      const why = whoElseMayChange(place);
      if (why !== null) return { path: place, why };
    }
  }
  return null;
}

function real(path: string): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path; // it leads nowhere
  }
}

/** Whether a path is a folder, and no link to one, that this user owns and no other user may write. */
export function isOwnFolder(path: string): boolean {
  const stat = lstatIfThere(path);
  return (
    stat?.isDirectory() === true &&
    (thisUser() === -1 || stat.uid === thisUser()) &&
    (stat.mode & (GROUP | OTHERS)) === 0
  );
}
