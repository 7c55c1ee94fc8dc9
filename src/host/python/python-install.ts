import * as fs from "node:fs";
import { dirname, join } from "node:path";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { withoutSecrets } from "../../model/secrets.ts";
import { sharedFailure } from "./cache-folder.ts";
import { disk, readTextIfExists } from "../disk/disk.ts";
import { onPath } from "../process/on-path.ts";
import { runToEnd } from "../process/process.ts";
import { cancelled } from "../process/cancelled.ts";

/** Brought from the package index when no uv is on the path. */
const UV_VERSION = "0.13.8";
/** A folder of the workspace that is called like a module (`venv`, `pip`) is no module of Python. */
export const OWN_MODULES = { PYTHONSAFEPATH: "1" };

/** What the pinned packages have wheels for. */
const OLDEST_MINOR = 10;
const NEWEST_MINOR = 13;

/**
 * The first Python on the path that is new enough, and its `major.minor`.
 *
 * @param environment whose packages it must run; its `python` is the oldest one that they take
 */
export async function findPython({
  name: environment,
  python: least,
}: Pick<EnvironmentDeclaration, "name" | "python">): Promise<
  Result<{ python: string; version: string }, Failure>
> {
  const oldest = least === undefined ? OLDEST_MINOR : minorOf(least);
  const tried: string[] = [];
  for (const name of [
    "python3",
    "python",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
  ]) {
    const python = onPath(name);
    if (python === null) continue;
    const print = "import sys; print('%d.%d' % sys.version_info[:2])";
    const probe = await runToEnd(python, ["-c", print], { env: OWN_MODULES });
    const version = probe.stdout.trim();
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (probe.code === 0 && major === 3 && minor >= oldest && minor <= NEWEST_MINOR) {
      return ok({ python, version });
    }
    tried.push(`${python} (${version || "does not run"})`);
  }
  return err({
    reason: "environment_failed",
    message: `No Python from 3.${oldest} to 3.${NEWEST_MINOR} is on the path, for the environment ${environment}`,
    cause: tried.length === 0 ? "no python3 at all" : `found only ${tried.join(", ")}`,
    nextStep: `Install one, or name an interpreter with --python ${environment}=PATH (or AQM_PYTHON=${environment}=PATH).`,
  });
}

/** Of "3.11": 11. */
const minorOf = (version: string): number => Number(version.split(".")[1]);

/** uv from the path, else from our cache, else brought there by pip; null when none can be had. */
export async function findUv(
  python: string,
  cache: string,
  say: (message: string) => void,
  signal: AbortSignal,
): Promise<string | null> {
  const present = onPath("uv");
  if (present !== null) return present;
  const folder = join(cache, `uv-${UV_VERSION}`);
  const uv = join(folder, "bin/uv");
  if (sharedFailure([folder, join(folder, "bin"), uv]) !== null) return null; // pip can do it as well
  if (fs.existsSync(uv)) return uv;
  say(`fetching uv ${UV_VERSION}, which installs packages`);
  const target = ["--quiet", "--no-deps", "--upgrade", "--target", folder, `uv==${UV_VERSION}`];
  await runToEnd(python, ["-m", "pip", "install", "--disable-pip-version-check", ...target], {
    env: OWN_MODULES,
    signal,
  });
  return fs.existsSync(uv) ? uv : null;
}

export interface Installation {
  readonly uv: string | null;
  readonly python: string;
  readonly folder: string;
  readonly lockFile: string;
  readonly say: (message: string, done?: number, total?: number | null) => void;
  readonly signal: AbortSignal;
}

/** Fills an empty environment from a hashed lock file; on failure the environment is removed. */
export async function install(request: Installation): Promise<Result<void, Failure>> {
  const { uv, python, folder, lockFile, say, signal } = request;
  const own = join(folder, "bin/python");
  const steps: readonly (readonly [string, readonly string[]])[] =
    uv === null
      ? [
          [python, ["-m", "venv", folder]],
          [
            own,
            [
              "-m",
              "pip",
              "install",
              "--disable-pip-version-check",
              "--no-deps",
              "--require-hashes",
              "-r",
              lockFile,
            ],
          ],
        ]
      : [
          [uv, ["venv", "--quiet", "--python", python, folder]],
          // As pip does: a runner may not write bytecode, and without any each import of PyTorch compiles it all.
          [uv, ["pip", "sync", "--require-hashes", "--compile-bytecode", "--python", own, lockFile]],
        ];
  const total =
    (readTextIfExists(lockFile) ?? "").match(/^[A-Za-z0-9][^\s;=]*==/gm)?.length ?? null;
  const { countFolders } = await import("../disk/files-below.ts");
  const watch = setInterval(() => {
    const done = countFolders(folder, "lib/*/site-packages/*.dist-info");
    say(`installing packages with ${uv === null ? "pip" : "uv"}`, done, total);
  }, 500);
  try {
    for (const [command, args] of steps) {
      const step = await runToEnd(command, args, {
        // Not the workspace, whose uv.toml could name programs and indexes.
        cwd: dirname(folder),
        env: OWN_MODULES,
        signal,
      });
      if (signal.aborted) return err(cancelled());
      if (step.code === 0) continue;
      disk.remove(folder);
      return err(installFailed(`${command} ${args.join(" ")}`, step.stderr));
    }
    return ok(undefined);
  } finally {
    clearInterval(watch);
  }
}

function installFailed(command: string, stderr: string): Failure {
  const full = /No space left on device|ENOSPC|os error 28/.test(stderr);
  return {
    reason: full ? "disk_full" : "environment_failed",
    message: full
      ? "The disk is full, so the Python environment could not be installed"
      : "The Python environment could not be installed",
    cause: withoutSecrets(`${command}\n${stderr.trim().slice(-800)}`),
    nextStep: full
      ? "Free space (README.md says how much an environment needs), or set AQM_CACHE to a folder on a larger disk."
      : "Look at the cause; a package index must be reachable. Or name a ready interpreter with --python PATH.",
  };
}
