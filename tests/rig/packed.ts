import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "./workspace.ts";

export interface Packed {
  /** Absolute. */
  readonly tarball: string;
  readonly bytes: number;
  readonly files: readonly string[];
}

/** npm itself, from its cache where it can. */
export const npm = (args: readonly string[], cwd: string): string =>
  execFileSync("npm", [...args, "--no-audit", "--no-fund", "--prefer-offline"], {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });

/** The tarball that `npm pack` makes of this repository, put into a folder. */
export function packedInto(folder: string): Packed {
  const [packed] = JSON.parse(
    npm(["pack", "--json", "--silent", "--pack-destination", folder], REPOSITORY),
  ) as [{ filename: string; size: number; files: { path: string }[] }];
  const { filename, size, files } = packed;
  return { tarball: join(folder, filename), bytes: size, files: files.map(({ path }) => path) };
}

/** Installs it as a person would who runs no scripts of packages. */
export const installInto = (folder: string, { tarball }: Packed): void =>
  void npm(["install", "--ignore-scripts", tarball], folder);
