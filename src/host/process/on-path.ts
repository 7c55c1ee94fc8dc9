import * as fs from "node:fs";
import { delimiter, join } from "node:path";

/** Where a command is on the path; null where it is not. */
export function onPath(name: string): string | null {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    try {
      fs.accessSync(join(folder, name), fs.constants.X_OK);
      return join(folder, name);
    } catch {
      // not here
    }
  }
  return null;
}
