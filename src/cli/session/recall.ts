import * as fs from "node:fs";
import { join } from "node:path";
import {
  changedPlaces,
  readFreshSnapshot,
  type FreshSnapshot,
} from "../../host/snapshot/fresh-snapshot.ts";
import type { Failure } from "../../model/failure.ts";
import { buildSettings, type Arguments } from "../language/arguments.ts";
import { variationOf, type Variation } from "../language/asked-variation.ts";
import { fromWorkspaceRoot, PACKAGE_ROOT, workspaceRoot } from "./root.ts";
import { isReporterName, unknownReporter } from "../terminal/terminal.ts";

export interface Request {
  readonly root: string;
  readonly state: string;
  readonly text: string;
}

/** The last answer to a request, and what has changed since. */
export interface Memory {
  readonly snapshot: FreshSnapshot;
  readonly changed: readonly number[];
}

export interface Recalled {
  readonly request: Request;
  /** Null when there is no telling: then everything is looked at. */
  readonly memory: Memory | null;
}

/** With these, more is wanted than the short answer of a snapshot. */
const LONG_ANSWER = ["json", "python", "verbose", "rerun"];

/** What is still known of the answer to `aqm build` with these arguments, which are right. */
export function recall(args: Arguments): Recalled {
  const variation = variationOf(args);
  if (!variation.ok) throw new Error("checked before");
  const request = requestFor(workspaceRoot(), args.targets, variation.value);
  const long = LONG_ANSWER.some(
    (name) => args.flag(name) || args.value(name) !== undefined || args.values(name).length > 0,
  );
  return { request, memory: long ? null : memoryOf(request) };
}

/** The last answer to this request, unless it may depend on anything that has changed. */
export function memoryOf({ root, state, text }: Request): Memory | null {
  const snapshot = readFreshSnapshot(state, text);
  if (snapshot === null || isUnsettled(state)) return null;
  const changed = changedPlaces(snapshot, root);
  return changed === null ? null : { snapshot, changed };
}

export function wrongUsage(args: Arguments): Failure | null {
  const settings = buildSettings(args);
  if (!settings.ok) return settings.error;
  if (args.flag("check") && !args.flag("dry-run")) {
    return {
      reason: "usage",
      message: "--check only tells something together with --dry-run",
      nextStep: "Write aqm build --dry-run --check.",
    };
  }
  const executor = args.value("executor");
  if (executor !== undefined && executor !== "slurm" && executor !== "local") {
    return {
      reason: "usage",
      message: `--executor takes slurm or local, not ${executor === "" ? "nothing" : executor}`,
      nextStep: "Leave it out, and only actions whose rule says so go to Slurm.",
    };
  }
  const variation = variationOf(args);
  if (!variation.ok) return variation.error;
  const reporter = args.value("reporter");
  return reporter === undefined || isReporterName(reporter) ? null : unknownReporter(reporter);
}

/** What a snapshot is for: these targets under these overrides, this workspace, this aqm. */
function requestFor(
  root: string,
  asked: readonly string[],
  variation: Variation | null = null,
): Request {
  // What lies outside is refused when the session is opened; until then it is a request like no other.
  const targets = asked.map((target) => {
    const path = fromWorkspaceRoot(target, root);
    return path.ok ? path.value : { outside: target };
  });
  const { mtimeMs, ino } = fs.statSync(join(PACKAGE_ROOT, "dist/main.js"));
  const varied = variation === null ? [] : [variation.terms, variation.layout];
  const text = JSON.stringify([root, targets, mtimeMs, ino, ...varied]);
  return { root, state: join(root, ".aqm"), text };
}

/** Something is being published, or was when its process died. */
function isUnsettled(state: string): boolean {
  const journal = join(state, "journal");
  return fs.existsSync(journal) && fs.readdirSync(journal).length > 0;
}
