import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Failure } from "../../model/failure.ts";
import { err, ok, type Result } from "../../model/result.ts";
import { disk } from "../disk/disk.ts";
import { diskFailure } from "../disk/disk-failure.ts";
import { firstShared } from "../disk/shared-folder.ts";

/**
 * The folder where environments and downloads of all workspaces are kept. Programs in it are run, so it must be
 * one that only this user and root can change. It need not be there yet.
 */
export function cacheFolder(): Result<string, Failure> {
  const chosen = chosenFolder();
  return chosen.ok ? unshared(chosen.value) : chosen;
}

/** The same, made if it is not there. */
export function madeCacheFolder(): Result<string, Failure> {
  const chosen = chosenFolder();
  if (!chosen.ok) return chosen;
  try {
    if (!fs.existsSync(chosen.value)) disk.makeUserFolder(chosen.value);
  } catch (error) {
    return err(diskFailure(error, chosen.value));
  }
  return unshared(chosen.value);
}

function unshared(folder: string): Result<string, Failure> {
  const shared = sharedFailure([folder, join(folder, "environments")]);
  return shared === null ? ok(folder) : err(shared);
}

function chosenFolder(): Result<string, Failure> {
  const own = process.env["AQM_CACHE"];
  if (own !== undefined && own !== "") return ok(own);
  const xdg = process.env["XDG_CACHE_HOME"];
  if (xdg !== undefined && xdg !== "") return ok(join(xdg, "aqm"));
  const home = homeFolder();
  return home === null ? err(noHome) : ok(join(home, ".cache", "aqm"));
}

/** Null for a user whom the system does not know, as in a container that was started with a number. */
function homeFolder(): string | null {
  try {
    return homedir() || null;
  } catch {
    return null;
  }
}

const noHome: Failure = {
  reason: "environment_failed",
  message: "There is no home folder, so there is no place for Python environments",
  nextStep: "Set HOME, or name a folder in AQM_CACHE that only you can write.",
};

/** What an environment is run from: with any of these, another user could choose what runs. */
export function environmentFailure(folder: string): Failure | null {
  const libraries = join(folder, "lib");
  const versions = fs.existsSync(libraries) ? fs.readdirSync(libraries) : [];
  return sharedFailure([
    folder,
    ...["aqm-environment.json", "pyvenv.cfg", "bin", "bin/python", "cache", "lib"].map((name) =>
      join(folder, name),
    ),
    ...versions.flatMap((name) => [
      join(libraries, name),
      join(libraries, name, "site-packages"),
    ]),
  ]);
}

/** Null when only this user and root can change all of these. */
export function sharedFailure(paths: readonly string[]): Failure | null {
  const shared = firstShared(paths);
  if (shared === null) return null;
  return {
    reason: "environment_failed",
    message: `${shared.path} can be changed by somebody else, so nothing in it is run`,
    cause: shared.why,
    place: { file: shared.path },
    nextStep:
      "Remove it or make it yours (`chown`, `chmod go-w`), or name a folder in AQM_CACHE that only you can write.",
  };
}
