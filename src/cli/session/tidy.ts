import { join } from "node:path";
import type { Layout } from "../../host/disk/layout.ts";
import type { EmitEvent } from "../../model/event.ts";
import { plural } from "../../ui/format.ts";
import { sizeText } from "../../model/size.ts";

/** What a build may have added. */
export interface Growth {
  readonly storeGrown: boolean;
  readonly partialsGrown: boolean;
}

/**
 * After a build: keeps the store and partial results within their bounds. Costs the reading of one small file
 * while the store is, and a look at all partial results if the build had some.
 */
export async function tidyStore(
  layout: Layout,
  { storeGrown, partialsGrown }: Growth,
  emit: EmitEvent,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted || !(storeGrown || partialsGrown)) return;
  const { collectGarbage, hasOutgrown, slackLimit, storeLimit } =
    await import("../../host/store/garbage.ts");
  const { partialLimit, partialsOutgrown } = await import("../../host/partial/partial-garbage.ts");
  const notice = (message: string): void => emit({ type: "notice", message });
  const limit = storeLimit(undefined);
  if (!limit.ok) {
    notice(`${limit.error.message}; the store is not kept within a bound until that is mended`);
    return;
  }
  const outgrown =
    (storeGrown && hasOutgrown(layout, limit.value)) ||
    (partialsGrown && partialsOutgrown(layout, partialLimit(limit.value)));
  if (!outgrown) return;
  const lock = await lockAtOnce(join(layout.state, "build.lock"), signal);
  if (lock === null) return; // another build runs; the next one that ends here looks again
  try {
    const collected = await collectGarbage(layout, slackLimit(limit.value));
    if (!collected.ok) {
      const { message, cause } = collected.error;
      notice(
        `the store is larger than ${sizeText(limit.value)} and was left so: ${message}${cause === undefined ? "" : ` (${cause})`}; \`aqm gc\` tries again`,
      );
      return;
    }
    const { dropped, droppedBytes, keptBytes, pinnedBytes, partial, arriving } = collected.value;
    if (partial.dropped.length > 0) {
      notice(
        `removed partial results of ${plural(partial.dropped.length, "action")} (${sizeText(partial.droppedBytes)}), least recently used first`,
      );
    }
    if (arriving.files > 0) {
      notice(
        `removed what had come of ${plural(arriving.files, "file")} (${sizeText(arriving.bytes)}) from a shared cache before a build was killed`,
      );
    }
    if (dropped.length > 0) {
      notice(
        `removed ${plural(dropped.length, "old blob")} (${sizeText(droppedBytes)}) from the store, which now holds ${sizeText(keptBytes)}`,
      );
    }
    if (pinnedBytes > limit.value) {
      notice(
        `the store holds ${sizeText(keptBytes)}, more than ${sizeText(limit.value)}: lock records of this workspace or of a Git ref need it. Raise AQM_STORE_SIZE, or delete branches and tags that you no longer need`,
      );
    }
  } finally {
    await lock();
  }
}

/** The build lock if it is free; a finished build does not wait for it. */
async function lockAtOnce(
  path: string,
  signal: AbortSignal,
): Promise<(() => Promise<void>) | null> {
  const { acquireFileLock } = await import("../../host/process/file-lock.ts");
  const busy = new AbortController();
  const lock = await acquireFileLock(
    path,
    "nothing: it tidies the store",
    () => busy.abort(),
    AbortSignal.any([signal, busy.signal]),
  );
  return lock.ok ? lock.value : null;
}
