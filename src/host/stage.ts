import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import type { ActionNode } from "../graph/graph.ts";
import type { Failure } from "../model/failure.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { Stage } from "../ports.ts";
import { diskFailure } from "./disk.ts";
import { fileNameOf, type Layout } from "./layout.ts";

/** An empty folder for an action's outputs, on the workspace's own file system so that renames work. */
export function openStage(layout: Layout, node: ActionNode): Result<Stage, Failure> {
  const name = fileNameOf(node.id);
  const folder = join(layout.stage, name);
  const aside = join(layout.aside, name);
  const paths: Record<string, string> = {};
  try {
    checkWritable(layout, node);
    fs.rmSync(folder, { recursive: true, force: true });
    for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
      const place = join(folder, role, path.slice(path.lastIndexOf("/") + 1));
      fs.mkdirSync(dirname(place), { recursive: true });
      paths[role] = place;
    }
  } catch (error) {
    return err(diskFailure(error, node.id, node.id));
  }
  return ok({
    paths,
    keepAside: () => {
      fs.rmSync(aside, { recursive: true, force: true });
      fs.mkdirSync(dirname(aside), { recursive: true });
      fs.renameSync(folder, aside);
      return Promise.resolve(relative(layout.root, aside));
    },
    discard: () => fs.promises.rm(folder, { recursive: true, force: true }),
  });
}

/** Hours of work must not end at a folder that cannot be written. */
function checkWritable(layout: Layout, node: ActionNode): void {
  for (const { path } of Object.values(node.declaration.outputs)) {
    const parent = dirname(join(layout.root, path));
    fs.mkdirSync(parent, { recursive: true });
    fs.accessSync(parent, fs.constants.W_OK);
  }
}
