import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Failure } from "../model/failure.ts";
import { LOCK_FOLDER, type ActionRecord } from "../model/record.ts";
import { err, ok, type Result } from "../model/result.ts";
import { errorText, readTextIfExists } from "./disk/disk.ts";
import { entriesOf } from "./observe/observer.ts";
import { parseLockRecord } from "./records/records.ts";

/** Never looked into: records, state of aqm and Git, packages. */
const PASSED_OVER: ReadonlySet<string> = new Set([LOCK_FOLDER, ".aqm", ".git", "node_modules"]);

export interface PublishedFiles {
  /** Relative to the folder, sorted. */
  readonly files: readonly string[];
  /** Links are named and not followed: they may lead anywhere. */
  readonly links: readonly string[];
}

/**
 * The files of a folder below a place in it, which may itself be a file.
 *
 * @returns no files where that place is not there; a failure where the folder cannot be read
 */
export function listPublished(folder: string, below: string): Result<PublishedFiles, Failure> {
  const files: string[] = [];
  const links: string[] = [];
  try {
    if (!fs.statSync(folder).isDirectory()) return err(noFolder(folder, "it is a file"));
    const start = fs.statSync(join(folder, below), { throwIfNoEntry: false });
    if (start?.isFile() === true) files.push(below);
    const pending = start?.isDirectory() === true ? [below] : [];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      for (const entry of entriesOf(join(folder, at), at)) {
        const path = at === "" ? entry.name : `${at}/${entry.name}`;
        if (entry.isSymbolicLink()) links.push(path);
        else if (entry.isFile()) files.push(path);
        else if (entry.isDirectory() && !PASSED_OVER.has(entry.name)) pending.push(path);
      }
    }
  } catch (error) {
    return err(noFolder(folder, errorText(error)));
  }
  return ok({ files: files.sort(), links: links.sort() });
}

/**
 * Where the lock records of published files are: in the folder, in the root of the repository that it is part of,
 * or beside it. Null where there are none: those of the workspace itself are of what is made here.
 *
 * @param base the part of the workspace that the folder mirrors
 * @param workspace absolute
 */
export function publishedRecords(folder: string, base: string, workspace: string): string | null {
  const real = fs.realpathSync(folder);
  const root = real.endsWith(`/${base}`) ? real.slice(0, -base.length - 1) : dirname(real);
  const own = realPath(join(workspace, LOCK_FOLDER));
  return (
    [real, root, dirname(real)]
      .map((place) => join(place, LOCK_FOLDER))
      .filter((place) => fs.statSync(place, { throwIfNoEntry: false })?.isDirectory() === true)
      .find((place) => realPath(place) !== own) ?? null
  );
}

const realPath = (path: string): string => (fs.existsSync(path) ? fs.realpathSync(path) : path);

/** The record of a target below a folder of lock records; null where there is none that is whole. */
export function publishedRecord(records: string, target: string): ActionRecord | null {
  try {
    const text = readTextIfExists(join(records, `${target}.json`));
    const record = text === null ? null : parseLockRecord(text);
    return record?.target === target ? record : null;
  } catch {
    return null; // unreadable: as if it were not there
  }
}

/** The name under which a folder is shown: a report does not say where on a machine a folder lies. */
export const folderName = (folder: string): string => basename(fs.realpathSync(folder)) || folder;

const noFolder = (folder: string, cause: string): Failure => ({
  reason: "usage",
  message: `${folder} cannot be compared with`,
  cause,
  nextStep: "Name a folder of published files: --against FOLDER.",
});
