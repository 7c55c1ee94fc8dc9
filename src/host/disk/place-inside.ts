import * as fs from "node:fs";
import { join } from "node:path";
import { whyNotInside } from "../../model/inside.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { errorCode, errorText } from "./disk.ts";

/**
 * The absolute path of a name below a folder: neither the name leads out of the folder (`whyNotInside`), nor
 * does a link on the way or in the name's own place. What is not there yet leads nowhere else.
 *
 * @returns or why the name is refused
 */
export function placeInside(folder: string, name: unknown): Result<string, string> {
  const problem = whyNotInside(name);
  if (problem !== null) return err(problem);
  const path = name as string;
  try {
    const real = fs.realpathSync(folder);
    let place = folder;
    for (const part of path.split("/")) {
      place = join(place, part);
      const stat = fs.lstatSync(place, { throwIfNoEntry: false });
      if (stat === undefined) break;
      if (stat.isSymbolicLink() && !isBelow(real, fs.realpathSync(place)))
        return err("leads out of the folder by way of a link");
    }
    return ok(join(folder, path));
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return err(`cannot be followed: ${errorText(error)}`);
  }
}

const isBelow = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder === "/" ? folder : `${folder}/`);
