import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { attempt } from "../disk/attempt.ts";
import { disk, errorCode } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { modeToMove } from "../disk/permission.ts";
import { lstatIfThere, statIfThere } from "../disk/stat.ts";

/** Read and write, for the owner. */
const OWNER = 0o600;

/** Begins the name of a stage that could not be removed. */
const LEFT = "stage.left-";

/**
 * Makes the folders of the state usable, even if other things lie in their places: state that is in the way must not stop
 * a build. A file there is removed. A folder that its owner may not write is opened. A link that leads to no
 * folder gets one, or is replaced by one. What people's files were kept in is never removed.
 *
 * @returns what the user should know
 */
export function mendState(layout: Layout): readonly string[] {
  const { stage, journal, store, partial, logs, aside, history, replaced, state } = layout;
  const folders = [stage, journal, store, partial, logs, aside, history, join(state, "fresh")];
  keepAsFile(replaced);
  const notices = [...folders, replaced].flatMap((folder) => {
    const stat = lstatIfThere(folder);
    if (stat === undefined) return [];
    if (stat.isSymbolicLink()) return mendLink(layout, folder);
    const mode = modeToMove(folder);
    if (mode !== null) disk.allow(folder, mode);
    if (!stat.isDirectory()) disk.remove(folder);
    return [];
  });
  for (const folder of [logs, history]) openFilesIn(folder);
  return notices;
}

/** Lines are added to these files, all others are replaced as a whole. */
function openFilesIn(folder: string): void {
  for (const name of lstatIfThere(folder) === undefined ? [] : fs.readdirSync(folder)) {
    const stat = lstatIfThere(join(folder, name));
    if (stat?.isFile() !== true || (stat.mode & OWNER) === OWNER) continue;
    disk.allow(join(folder, name), (stat.mode & 0o7777) | OWNER);
  }
}

/** A file in the place of the folder of kept files becomes one of them. */
function keepAsFile(replaced: string): void {
  if (lstatIfThere(replaced)?.isFile() !== true) return;
  const aside = `${replaced}-${randomBytes(5).toString("hex")}`;
  disk.rename(replaced, aside);
  disk.makeFolder(replaced);
  disk.rename(aside, join(replaced, basename(aside)));
}

/** The folder may have gone, or its disk may not be there today. */
function mendLink({ root }: Layout, link: string): readonly string[] {
  if (statIfThere(link)?.isDirectory() === true) return [];
  const leads = resolve(dirname(link), fs.readlinkSync(link));
  if (lstatIfThere(leads) === undefined && lstatIfThere(dirname(leads)) !== undefined) {
    try {
      disk.makeFolder(leads);
      return [];
    } catch (error) {
      if (errorCode(error) === "") throw error; // else without it
    }
  }
  disk.remove(link);
  disk.makeFolder(link);
  return [`${relative(root, link)} was a link to ${leads}, where no folder is; it is a folder now`];
}

/**
 * Removes what is staged. What cannot be removed (another user's files) is put out of the way, and the next
 * command tries again.
 */
export function clearStage({ root, stage, state }: Layout): readonly string[] {
  const names = lstatIfThere(state) === undefined ? [] : fs.readdirSync(state);
  for (const name of names)
    if (name.startsWith(LEFT)) attempt(() => disk.remove(join(state, name)));
  const problem = attempt(() => disk.remove(stage));
  if (problem === null) return [];
  const aside = join(state, `${LEFT}${randomBytes(5).toString("hex")}`);
  disk.rename(stage, aside);
  return [
    `${relative(root, aside)} is left over and cannot be removed (${problem.message}); remove it`,
  ];
}
