import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { disk, putInPlace } from "../disk/disk.ts";
import { foldersToOpen } from "../disk/permission.ts";

/** Read and write, for the owner. */
const OWNER = 0o600;

/**
 * Makes what an op wrote aqm's own, before it is looked at. An op may have copied the modes of a read-only
 * place: its owner may read and change every file and folder afterwards, or aqm could not replace or remove
 * them later. An op may also have given a source a second name instead of copying it: each file has one name
 * afterwards, or an edit of the source would change the output, and the other way round.
 *
 * @param stage the folder around all that is staged
 * @param staged a file or a folder in it
 */
export function ownStaged(stage: string, staged: string): void {
  const above: string[] = [];
  for (let folder = dirname(staged); folder.startsWith(`${stage}/`); folder = dirname(folder))
    above.push(folder);
  for (const folder of above.reverse()) open(folder);
  const stat = fs.lstatSync(staged, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) {
    for (const [folder, mode] of foldersToOpen(staged)) disk.allow(folder, mode);
    ownFilesIn(staged);
  } else if (stat !== undefined) ownFile(staged, stat);
}

function open(folder: string): void {
  const { mode } = fs.lstatSync(folder);
  if ((mode & 0o700) !== 0o700) disk.allow(folder, (mode & 0o7777) | 0o700);
}

function ownFilesIn(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) ownFilesIn(path);
    else if (entry.isFile()) {
      const stat = fs.lstatSync(path, { throwIfNoEntry: false });
      if (stat !== undefined) ownFile(path, stat); // a name that is no UTF-8 is refused afterwards
    }
  }
}

function ownFile(path: string, stat: fs.Stats): void {
  if (!stat.isFile()) return;
  if (stat.nlink > 1) putInPlace(path, (temporary) => disk.copy(path, temporary));
  if ((stat.mode & OWNER) !== OWNER) disk.allow(path, (stat.mode & 0o7777) | OWNER);
}
