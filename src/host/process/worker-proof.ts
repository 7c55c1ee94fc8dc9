import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { digestOfBytes, type Digest } from "../../model/digest.ts";
import { isOfThisUser, membersOf, variableOf } from "./process-identity.ts";

/** Every runner is started with it, and what a runner starts inherits it. */
const VARIABLE = "AQM_RUNNER";

/** Only processes of this user can read it in a runner's environment. It is in no file. */
const SECRET = randomBytes(16).toString("hex");

/** What a process has to be started with to be a worker under a lock of this process. */
export const workerVariables = (): Readonly<Record<string, string>> => ({ [VARIABLE]: SECRET });

/** What stands in a lock file beside a worker's number: only who started the worker could write it. */
export const proofOf = (path: string, token: string): Digest => proof(SECRET, path, token);

/**
 * Whether a process group is of workers that the owner of a lock started: a process of this user in it was
 * started with the secret that the proof was made of. A lock file that somebody else wrote, or copied from
 * another place, has no such proof, even with the same numbers.
 */
export function isProven(group: number, stated: string, path: string, token: string): boolean {
  if (!Number.isSafeInteger(group) || group <= 1) return false;
  return membersOf(group).some((pid) => {
    const secret = isOfThisUser(pid) ? variableOf(pid, VARIABLE) : null;
    return secret !== null && proof(secret, path, token) === stated;
  });
}

/** The lock is named by where it really is, so that every way there is the same. */
function proof(secret: string, path: string, token: string): Digest {
  const place = join(fs.realpathSync(dirname(path)), basename(path));
  return digestOfBytes([secret, place, token].join("\0"));
}
