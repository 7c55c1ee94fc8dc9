import * as fs from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { disk, errorCode } from "./disk.ts";
import { foldersToOpen } from "./permission.ts";

/**
 * Copies a file, a folder with all that is in it, or a link, so that the copy keeps what was to be read at
 * `from`, and stays so when `from` or other names of its files change. A link to a file becomes a copy of that
 * file. A link to a folder elsewhere leads there from the copy as well, and one that leads nowhere leads to
 * the same place. A link within the copied folder leads to the copy of what it led to. Folders of the copy can
 * be written by their owner. The bytes are durable, the names not yet.
 */
export function copyTree(from: string, to: string): void {
  for (const [folder, mode] of foldersToOpen(from)) disk.allow(folder, mode);
  copyInto({ from, to }, from, to);
}

/** The two ends of the whole copy: links between its parts are set again. */
interface Whole {
  readonly from: string;
  readonly to: string;
}

function copyInto(whole: Whole, from: string, to: string): void {
  const stat = fs.lstatSync(from);
  if (stat.isSymbolicLink()) copyLink(whole, from, to);
  else if (stat.isDirectory()) {
    disk.makeFolder(to);
    for (const name of fs.readdirSync(from)) copyInto(whole, join(from, name), join(to, name));
  } else if (stat.isFile()) copyFile(from, to);
  else disk.link(from, to); // a pipe or a device has no content to copy
}

function copyFile(from: string, to: string): void {
  try {
    disk.copy(from, to);
  } catch (error) {
    if (errorCode(error) !== "EACCES") throw error;
    disk.link(from, to); // its owner may not read it: a second name needs no reading
    return;
  }
  disk.copyTimes(from, to);
  disk.sync(to);
}

function copyLink(whole: Whole, from: string, to: string): void {
  const leads = resolve(dirname(from), fs.readlinkSync(from));
  const within = relative(whole.from, leads);
  const isWithin = within !== "" && within !== ".." && !within.startsWith("../");
  if (from !== whole.from && isWithin) {
    disk.linkTo(relative(dirname(to), join(whole.to, within)), to);
    return;
  }
  if (isFile(leads)) copyFile(leads, to);
  else disk.linkTo(leads, to);
}

function isFile(path: string): boolean {
  try {
    return fs.statSync(path).isFile();
  } catch {
    return false; // it leads nowhere, or in a circle
  }
}
