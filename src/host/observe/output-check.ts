import * as fs from "node:fs";
import { join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { OutputDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { whyNotInside } from "../../model/inside.ts";
import { findClash } from "../../model/name-clash.ts";
import { errorText } from "../disk/disk.ts";
import { entriesOf, filesBelow } from "./observer.ts";

/**
 * Why what an op wrote cannot be published; null when it can. A link would lead elsewhere once it is moved,
 * or change without its action; and names must survive a store, a clone and another file system.
 */
export function outputProblem(
  node: ActionNode,
  output: OutputDeclaration,
  staged: string,
): Failure | null {
  try {
    const stat = fs.lstatSync(staged);
    if (stat.isSymbolicLink()) return invalid(node, output, "it is a symbolic link", WRITE_FILES);
    if (!stat.isDirectory()) return null;
    const paths: string[] = [];
    const folders = [""];
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      for (const entry of entriesOf(join(staged, folder), folder)) {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        const odd = whyNotInside(path);
        if (odd !== null) return invalid(node, output, `${path} in it ${odd}`, RENAME);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile()) paths.push(path);
        else {
          const what = entry.isSymbolicLink() ? "a symbolic link" : "neither a file nor a folder";
          return invalid(node, output, `${path} in it is ${what}`, WRITE_FILES);
        }
      }
    }
    const counted = new Set(filesBelow(staged, null));
    const litter = paths.find((path) => !counted.has(path));
    if (litter !== undefined) {
      const what = `${litter} in it is named like litter of an editor, a system or version control, which is no part of an output`;
      return invalid(node, output, what, "Let the op write other names, or not write it.");
    }
    const clash = findClash(paths.sort());
    if (clash === null) return null;
    const what = `${clash[0]} and ${clash[1]} in it are one file where names do not tell upper from lower case, or one Unicode form from the other`;
    return invalid(node, output, what, "Let the op write names that differ in more than that.");
  } catch (error) {
    return invalid(node, output, errorText(error), "Let the op write names in UTF-8.");
  }
}

const RENAME = "Let the op write names that are the same path on every system.";
const WRITE_FILES = "Let the op write the files themselves: what a link leads to may change or go.";

const invalid = (
  node: ActionNode,
  output: OutputDeclaration,
  cause: string,
  nextStep: string,
): Failure => ({
  reason: "output_invalid",
  message: `What the op wrote as ${output.path} cannot be kept`,
  cause,
  target: node.id,
  place: { file: output.path },
  nextStep,
});
