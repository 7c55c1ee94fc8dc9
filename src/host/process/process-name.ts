import * as fs from "node:fs";

/**
 * A process as people know it: `process 486 (python3 of anna)`. Where the system hides other people's processes
 * its number has to do, or what somebody else calls it.
 *
 * @param known the path or name that somebody else has for it
 */
export function processName(pid: number, known = ""): string {
  const name = read(`/proc/${pid}/comm`).trim() || (known.startsWith("[") ? "" : lastPart(known));
  const uid = fs.statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  const user = uid === undefined ? "" : `of ${userName(uid)}`;
  const about = [name, user].filter((part) => part !== "").join(" ");
  return `process ${pid}${about === "" ? "" : ` (${about})`}`;
}

const lastPart = (path: string): string => path.split("/").at(-1) ?? "";

/** Users of a directory service are in no file, and go by their number. */
function userName(uid: number): string {
  for (const line of read("/etc/passwd").split("\n")) {
    const [name, , number] = line.split(":");
    if (number === String(uid) && name !== undefined) return name;
  }
  return `user ${uid}`;
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
