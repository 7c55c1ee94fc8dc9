import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import type { ActionNode } from "../graph/graph.ts";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Stage } from "../ports.ts";
import { disk, diskFailure } from "./disk.ts";
import { fileNameOf, type Layout } from "./layout.ts";

/** An empty folder for an action's outputs, on the workspace's own file system so that renames work. */
export function openStage(layout: Layout, node: ActionNode): Result<Stage, Failure> {
  const name = fileNameOf(node.id);
  const folder = join(layout.stage, name);
  const aside = join(layout.aside, name);
  const paths: Record<string, string> = {};
  try {
    checkWritable(layout, node);
    disk.remove(folder);
    for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
      const place = join(folder, role, path.slice(path.lastIndexOf("/") + 1));
      disk.makeFolder(dirname(place));
      paths[role] = place;
    }
  } catch (error) {
    return err(diskFailure(error, node.id, node.id));
  }
  return ok({
    paths,
    keepAside: () => {
      disk.remove(aside);
      disk.makeFolder(dirname(aside));
      disk.rename(folder, aside);
      return Promise.resolve(relative(layout.root, aside));
    },
    discard: () => {
      disk.remove(folder);
      return Promise.resolve();
    },
  });
}

/** Hours of work must not end at a folder that cannot be written. */
function checkWritable(layout: Layout, node: ActionNode): void {
  for (const { path } of Object.values(node.declaration.outputs)) {
    const parent = dirname(join(layout.root, path));
    disk.makeFolder(parent);
    fs.accessSync(parent, fs.constants.W_OK);
  }
}
