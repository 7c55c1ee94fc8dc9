import * as fs from "node:fs";
import { join } from "node:path";
import { disk, errorCode } from "./disk.ts";

/**
 * Removes temporary files of processes that were killed. `deep` looks into subfolders, too; `ours` says
 * that this process has none there, so that those with its number are of an earlier one.
 */
export function removeAbandoned(folder: string, { deep = false, ours = false } = {}): void {
  if (!fs.existsSync(folder)) return;
  for (const name of fs.readdirSync(folder, { recursive: deep, encoding: "utf8" })) {
    const pid = /\.(\d+)-[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
    if (pid !== undefined && isAbandoned(Number(pid), ours)) disk.remove(join(folder, name));
  }
}

function isAbandoned(pid: number, ours: boolean): boolean {
  if (pid === process.pid) return ours;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === "ESRCH";
  }
}
