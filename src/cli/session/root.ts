import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the aqm package: this module ends up in its `dist/`. */
export const PACKAGE_ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

/** The nearest folder, from here upwards, that holds an Aqmfile; else the current one. */
export function workspaceRoot(): string {
  const start = process.cwd();
  for (let folder = start; ; folder = dirname(folder)) {
    if (fs.existsSync(join(folder, "Aqmfile.ts"))) return fs.realpathSync(folder);
    if (folder === dirname(folder)) return start;
  }
}

/** Targets are given relative to where the user is, as with any other path. */
export function fromWorkspaceRoot(target: string, root: string): string {
  const here = fs.realpathSync(process.cwd());
  const below = here === root ? "" : `${here.slice(root.length + 1)}/`;
  const absolute = target.startsWith(`${root}/`)
    ? target.slice(root.length + 1)
    : `${below}${target}`;
  const parts: string[] = [];
  for (const part of absolute.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.length === 0 ? "." : parts.join("/");
}
