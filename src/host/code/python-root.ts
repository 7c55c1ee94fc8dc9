import * as fs from "node:fs";
import { join } from "node:path";
import type { Layout } from "../disk/layout.ts";

/** The folder that holds `aqm_runner`: the workspace's own, else the one that came with aqm. */
export function pythonRoot(layout: Layout): string {
  const own = join(layout.root, "python");
  return fs.existsSync(join(own, "aqm_runner")) ? own : join(layout.packageRoot, "python");
}

/** Where the ops are: `<name>.py`, and `<name>.json`, which declares it. */
export const pythonOps = (layout: Layout): string => join(pythonRoot(layout), "aqm_runner/ops");
