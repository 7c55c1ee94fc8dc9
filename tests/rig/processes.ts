import * as fs from "node:fs";
import { setImmediate } from "node:timers/promises";

/** Nothing is left of it, but perhaps an exit code that nobody asks for. */
export function isGone(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return !fs.existsSync(stat) || / Z \d+/.test(fs.readFileSync(stat, "utf8"));
}

/** Waits for the end of a process that was killed: a busy machine gets to that later than `kill` returns. */
export async function ended(pid: number): Promise<void> {
  while (!isGone(pid)) await setImmediate();
}
