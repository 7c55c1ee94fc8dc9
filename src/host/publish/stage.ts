import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { Stage } from "../../ports.ts";
import { disk, errorCode } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { fileNameOf, type Layout } from "../disk/layout.ts";
import { obstacleAbove } from "../disk/stat.ts";
import { intentPath } from "./publication.ts";
import { regionObstacle } from "../disk/regions.ts";

/** An op that outlived a killed aqm may still write to its stage; it must not be ours. */
const OURS = randomBytes(4).toString("hex");

/**
 * Where an action writes its outputs before they are published: on the workspace's own file system, so
 * that renames work. A single file needs no folder of its own; making one costs as much as the file.
 */
export function openStage(layout: Layout, node: ActionNode): Result<Stage, Failure> {
  const name = fileNameOf(node.id);
  const place = join(layout.stage, `${name}.${OURS}`);
  const aside = join(layout.aside, name);
  const outputs = Object.entries(node.declaration.outputs);
  const paths: Record<string, string> = {};
  const elsewhere = otherWorkspace(layout, node);
  if (elsewhere !== null) return err(elsewhere);
  try {
    checkWritable(layout, node);
    for (const [, output] of outputs) {
      const obstacle = output.kind === "region" ? regionObstacle(layout.root, output) : null;
      if (obstacle !== null) return err({ ...obstacle, target: node.id });
    }
    disk.makeFolder(layout.stage);
    if (fs.existsSync(place)) disk.remove(place);
    const [first] = outputs;
    if (outputs.length === 1 && first !== undefined && first[1].kind !== "folder")
      paths[first[0]] = place;
    else {
      for (const [role, { path }] of outputs) {
        const staged = join(place, role, path.slice(path.lastIndexOf("/") + 1));
        disk.makeFolder(dirname(staged));
        paths[role] = staged;
      }
    }
  } catch (error) {
    return err(diskFailure(error, node.id, node.id));
  }
  return ok({
    paths,
    keepAside: () => {
      const kept = attempt(() => {
        if (!fs.existsSync(place)) return false;
        disk.remove(aside);
        disk.makeFolder(dirname(aside));
        disk.rename(place, aside);
        return true;
      });
      return Promise.resolve(kept === true ? relative(layout.root, aside) : null);
    },
    discard: () => {
      // What a publication has begun to move is finished by the next command, so it must stay.
      const begun = fs.existsSync(intentPath(layout, node.id));
      attempt(() => {
        if (!begun && fs.existsSync(place)) disk.remove(place);
      });
      return Promise.resolve();
    },
  });
}

/** What is left in the stage goes away with the next command, so a bad disk need not end this one. */
function attempt<T>(change: () => T): T | null {
  try {
    return change();
  } catch (error) {
    if (errorCode(error) === "") throw error;
    return null;
  }
}

/** Through a linked folder an output may lie on another disk, but not where another workspace builds. */
function otherWorkspace(layout: Layout, node: ActionNode): Failure | null {
  for (const { path } of Object.values(node.declaration.outputs)) {
    const parent = realParent(join(layout.root, path));
    if (parent === null || !relative(fs.realpathSync(layout.root), parent).startsWith(".."))
      continue;
    for (let folder = parent; folder !== dirname(folder); folder = dirname(folder)) {
      if (!fs.existsSync(join(folder, "Aqmfile.ts"))) continue;
      return {
        reason: "output_elsewhere",
        message: `The output ${path} would be written into another workspace, ${folder}, by way of a link`,
        target: node.id,
        place: { file: path },
        nextStep:
          "Replace the link by a folder. To read what is made there, link to it as an input.",
      };
    }
  }
  return null;
}

/** Where the nearest folder above a path that exists really is. */
function realParent(path: string): string | null {
  for (let parent = dirname(path); parent !== dirname(parent); parent = dirname(parent)) {
    try {
      return fs.realpathSync.native(parent);
    } catch {
      continue; // not there yet
    }
  }
  return null;
}

/** File systems allow 255 bytes a name; lock records and temporary files need some for themselves. */
const LONGEST_NAME = 220;

/** Hours of work must not end at a folder that cannot be written. */
function checkWritable(layout: Layout, node: ActionNode): void {
  for (const { path } of Object.values(node.declaration.outputs)) {
    const longest = Math.max(...path.split("/").map((part) => Buffer.byteLength(part)));
    if (longest > LONGEST_NAME) {
      throw Object.assign(
        new Error(`a part of ${path} has ${longest} bytes; ${LONGEST_NAME} is the most`),
        { code: "ENAMETOOLONG" },
      );
    }
    const obstacle = obstacleAbove(layout.root, path);
    const parent = dirname(join(layout.root, obstacle ?? path));
    // The folders below an obstacle are made when the output is published: until then it stays.
    if (obstacle === null) disk.makeFolder(parent);
    fs.accessSync(parent, fs.constants.W_OK);
  }
}
