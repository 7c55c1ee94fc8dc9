import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { REPOSITORY } from "./workspace.ts";

/** The user that owns nothing, on nearly every system. */
export const NOBODY = 65534;

/** Whether a test can become that user here, and can that user read what is tested. */
export const canBeNobody = ((): boolean => {
  if (process.getuid?.() !== 0) return false;
  const as = { uid: NOBODY, gid: NOBODY };
  const { status } = spawnSync("test", ["-r", join(REPOSITORY, "dist/main.js")], as);
  return status === 0;
})();

/** For the names of tests that are skipped without it. */
export const UNLESS_ROOT = "(skipped unless run as root, and nobody may read the repository)";

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
