import { oneLine } from "../../ui/escape.ts";
import * as fs from "node:fs";
import { join } from "node:path";
import { collectGarbage, storeLimit, type Collection } from "../../host/store/garbage.ts";
import { layoutOf } from "../../host/disk/layout.ts";
import { acquireFileLock } from "../../host/process/file-lock.ts";
import { shortDigest } from "../../model/digest.ts";
import { EXIT, exitCodeOf, type Failure } from "../../model/failure.ts";
import type { Result } from "../../model/result.ts";
import { plural } from "../../ui/format.ts";
import { sizeText } from "../../model/size.ts";
import type { Arguments } from "../language/arguments.ts";
import { interruptible } from "../terminal/interrupt.ts";
import { PACKAGE_ROOT, workspaceRoot } from "../session/root.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

/** Needs no Aqmfile: a store can be tidied while the declarations are broken. */
export async function run(args: Arguments): Promise<number> {
  const limit = storeLimit(args.value("max-size"));
  const wrong = limit.ok ? wrongUsage(args) : limit.error;
  if (!limit.ok || wrong !== null) {
    if (wrong !== null) printFailures([wrong]);
    return EXIT.usage;
  }
  const dryRun = args.flag("dry-run");
  const collected = await collect(limit.value, dryRun);
  if (!collected.ok) {
    printFailures([collected.error]);
    return exitCodeOf(collected.error);
  }
  if (args.flag("json")) printJson(collectionJson(collected.value, dryRun));
  else print(collectionText(collected.value, dryRun));
  return EXIT.done;
}

function wrongUsage(args: Arguments): Failure | null {
  const [target] = args.targets;
  if (target !== undefined) {
    return {
      reason: "usage",
      message: `aqm gc takes no targets, so not ${target} either`,
      nextStep: "It looks at the whole store; `aqm clean` removes the outputs of targets.",
    };
  }
  const root = workspaceRoot();
  if (fs.existsSync(join(root, "Aqmfile.ts"))) return null;
  return {
    reason: "no_aqmfile",
    message: `There is no Aqmfile.ts in ${root} or above`,
    nextStep: "Run it in a workspace: the store is in its folder .aqm.",
  };
}

async function collect(limit: number, dryRun: boolean): Promise<Result<Collection, Failure>> {
  const layout = layoutOf(workspaceRoot(), PACKAGE_ROOT);
  const anything = [layout.store, layout.partial, layout.arriving].some((path) =>
    fs.existsSync(path),
  );
  if (dryRun || !anything) return collectGarbage(layout, limit, dryRun);
  const { signal, dispose } = interruptible();
  const waiting = (owner: string): void => {
    process.stderr.write(`wait     for ${oneLine(owner)}\n`);
  };
  try {
    const path = join(layout.state, "build.lock");
    const lock = await acquireFileLock(path, "nothing: it tidies the store", waiting, signal);
    if (!lock.ok) return lock;
    try {
      return await collectGarbage(layout, limit);
    } finally {
      await lock.value();
    }
  } finally {
    dispose();
  }
}

function collectionText(collection: Collection, dryRun: boolean): string {
  const { dropped, droppedBytes, kept, keptBytes, limit } = collection;
  const lines = dryRun
    ? dropped.map(
        ({ digest, bytes, usedAt }) =>
          `would remove ${shortDigest(digest)} ${sizeText(bytes)}, last used ${timeText(usedAt)}`,
      )
    : [];
  const holds = `${plural(kept, "blob")} (${sizeText(keptBytes)}) of at most ${sizeText(limit)}`;
  lines.push(
    dropped.length === 0
      ? `nothing to remove: the store holds ${holds}`
      : `${dryRun ? "would remove" : "removed"} ${plural(dropped.length, "blob")} (${sizeText(droppedBytes)}), least recently used first; the store ${dryRun ? "would then hold" : "holds"} ${holds}`,
    pinnedText(collection),
    ...partialLines(collection, dryRun),
    ...arrivingLines(collection, dryRun),
  );
  return lines.join("\n");
}

/** Nothing in a workspace without resumable actions. */
function partialLines({ partial }: Collection, dryRun: boolean): readonly string[] {
  const { dropped, droppedBytes, kept, keptBytes, limit } = partial;
  if (dropped.length === 0 && kept === 0) return [];
  const which = dryRun
    ? dropped.map(
        ({ identity, bytes, usedAt }) =>
          `would remove partial results ${shortDigest(identity)} ${sizeText(bytes)}, last used ${timeText(usedAt)}`,
      )
    : [];
  const done = dryRun ? "would be removed" : "were removed";
  const removed =
    dropped.length === 0
      ? ""
      : `; of ${plural(dropped.length, "more action")} (${sizeText(droppedBytes)}) they ${done}`;
  const total = `partial results of ${plural(kept, "action")} (${sizeText(keptBytes)}) of at most ${sizeText(limit)}`;
  return [...which, `${total}${removed}`];
}

/** Nothing where no build was killed while it fetched. */
function arrivingLines({ arriving }: Collection, dryRun: boolean): readonly string[] {
  if (arriving.files === 0) return [];
  const what = `${plural(arriving.files, "file")} (${sizeText(arriving.bytes)})`;
  return [`${dryRun ? "would remove" : "removed"} what had come of ${what} from a shared cache`];
}

const timeText = (milliseconds: number): string =>
  `${new Date(milliseconds).toISOString().slice(0, 16)}Z`;

function pinnedText({ pinned, pinnedBytes, refs, limit }: Collection): string {
  const where = refs === null ? "the workspace" : `the workspace and ${plural(refs, "Git ref")}`;
  const text = `lock records of ${where} keep ${plural(pinned, "blob")} (${sizeText(pinnedBytes)})`;
  return pinnedBytes <= limit
    ? text
    : `${text}: that alone is more than the bound, and stays. Delete branches and tags that you no longer need, or raise AQM_STORE_SIZE.`;
}

const collectionJson = (collection: Collection, dryRun: boolean): object => ({
  dry_run: dryRun,
  limit_bytes: collection.limit,
  removed: collection.dropped.map(({ digest, bytes }) => ({ digest, bytes })),
  removed_bytes: collection.droppedBytes,
  kept: collection.kept,
  kept_bytes: collection.keptBytes,
  pinned: collection.pinned,
  pinned_bytes: collection.pinnedBytes,
  git_refs: collection.refs,
  over_limit: collection.keptBytes > collection.limit,
  partial: {
    limit_bytes: collection.partial.limit,
    removed: collection.partial.dropped.map(({ identity, bytes }) => ({ identity, bytes })),
    removed_bytes: collection.partial.droppedBytes,
    kept: collection.partial.kept,
    kept_bytes: collection.partial.keptBytes,
  },
  arriving: { removed: collection.arriving.files, removed_bytes: collection.arriving.bytes },
});
