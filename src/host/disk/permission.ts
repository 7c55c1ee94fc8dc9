import * as fs from "node:fs";
import { join } from "node:path";

/** Read, write and search, for the owner. */
const OWNER = 0o700;

/**
 * The folders of a tree that their owner may not list or change, with the modes that allow it. One folder is
 * handed over at a time, and its own folders are looked at only after the caller has opened it. Links are not
 * followed. Nothing for a file: its folder decides whether it can be removed.
 */
export function* foldersToOpen(path: string): Generator<readonly [folder: string, mode: number]> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return;
  if ((stat.mode & OWNER) !== OWNER) yield [path, modeOf(stat) | OWNER];
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) yield* foldersToOpen(join(path, entry.name));
  }
}

/** The mode that a folder needs to be moved into another one; null where its mode is not what forbids that. */
export function modeToMove(path: string): number | null {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  const isClosed = stat?.isDirectory() === true && (stat.mode & OWNER) !== OWNER;
  return isClosed ? modeOf(stat) | OWNER : null;
}

const modeOf = (stat: fs.Stats): number => stat.mode & 0o7777;
