import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { disk } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";

/**
 * A checkout that may only be read can still be looked at: what is compiled on the way to a plan then goes to
 * a folder of its own, which lasts as long as this process. Everything else that is kept is only a cache.
 */
export function withCompiledFolder(layout: Layout): Layout {
  return mayWrite(layout.compiled) ? layout : withCompiledElsewhere(layout);
}

/** For a folder in which nothing may be left behind, such as one that is no workspace yet. */
export function withCompiledElsewhere(layout: Layout): Layout {
  const compiled = disk.makeTemporaryFolder(join(tmpdir(), "aqm-compiled-"));
  if (elsewhere.length === 0) process.once("exit", () => elsewhere.forEach(disk.remove));
  elsewhere.push(compiled);
  return { ...layout, compiled };
}

/** What this process removes at its end. */
const elsewhere: string[] = [];

/** Asks the folder, or the nearest one above it that exists. */
function mayWrite(folder: string): boolean {
  for (let place = folder; ; place = dirname(place)) {
    try {
      fs.accessSync(place, fs.constants.W_OK | fs.constants.X_OK);
      return true;
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!missing || place === dirname(place)) return false;
    }
  }
}
