import * as fs from "node:fs";
import { join } from "node:path";
import { errorCode } from "./disk.ts";

/** What is at a path, links followed; undefined when there is nothing, also because a folder above is a file. */
export const statIfThere = (path: string): fs.Stats | undefined => ifThere(fs.statSync, path);

/** The same without following a link in the path's own place. */
export const lstatIfThere = (path: string): fs.Stats | undefined => ifThere(fs.lstatSync, path);

function ifThere(
  look: (path: string, options: { throwIfNoEntry: false }) => fs.Stats | undefined,
  path: string,
): fs.Stats | undefined {
  try {
    return look(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errorCode(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/**
 * What lies where a folder above a workspace-relative path has to be, and is none: a file, or a link that leads
 * to no folder. Null when every folder above the path is there or can be made.
 */
export function obstacleAbove(root: string, path: string): string | null {
  const parts = path.split("/");
  for (let length = 1; length < parts.length; length++) {
    const above = parts.slice(0, length).join("/");
    if (statOrNull(join(root, above))?.isDirectory() === true) continue;
    return lstatIfThere(join(root, above)) === undefined ? null : above;
  }
  return null;
}

/** Null, too, for a link in a circle. */
function statOrNull(path: string): fs.Stats | null {
  try {
    return fs.statSync(path);
  } catch {
    return null;
  }
}
