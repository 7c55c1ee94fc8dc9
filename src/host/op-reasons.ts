import * as fs from "node:fs";
import { join } from "node:path";
import type { FailureReason } from "../model/failure.ts";
import { readFileText } from "./disk/bounded-read.ts";

/** How Python ops fail, by the functions of `runner/failures.py`, which are called as the reasons are here. */
const RAISED = /\b(gate_failed|bad_request|unsupported_here)\(\s*"([a-z][a-z0-9_]*)"/g;

/**
 * The reasons that Python ops give, which a failure has as its cause, each with the reasons of failures that it stands
 * behind: what the sources of the runner raise.
 *
 * @param root the folder that holds `aqm_runner`
 */
export function opReasons(root: string): ReadonlyMap<string, ReadonlySet<FailureReason>> {
  const found = new Map<string, Set<FailureReason>>();
  for (const name of fs.readdirSync(join(root, "aqm_runner"), { recursive: true }) as string[]) {
    if (!name.endsWith(".py")) continue;
    const text = readFileText(join(root, "aqm_runner", name));
    for (const [, kind, reason = ""] of text.matchAll(RAISED))
      found.set(reason, (found.get(reason) ?? new Set()).add(kind as FailureReason));
  }
  return found;
}
