import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "./workspace.ts";

/** The user that owns nothing, on nearly every system. */
export const NOBODY = 65534;

export interface Said {
  readonly code: number | null;
  readonly text: string;
}

/** Runs the command line as a user who owns nothing; only root may do that. */
export function asNobody(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Said {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(REPOSITORY, "bin/aqm.js"), ...args],
    {
      cwd,
      uid: NOBODY,
      gid: NOBODY,
      encoding: "utf8",
      env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", HOME: "/nonexistent", ...env },
    },
  );
  return { code: status, text: `${stdout}${stderr}` };
}
