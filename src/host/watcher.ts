import { relative } from "node:path";
import type { FileWatch } from "../ports.ts";

/** One save is often several events; so many milliseconds after the last one we look. */
const SETTLE = 15;
/** More files than a person saves at once: a checkout, a generator. More will come. */
const MANY = 20;
const SETTLE_MANY = 100;
const IGNORED = /(?:^|[\\/])(?:\.aqm|node_modules|\.git)(?:[\\/]|$)/;

/** Watches files and folders; `changed` is called once for a burst of events. */
export async function watchFiles(root: string, changed: () => void): Promise<FileWatch> {
  const { watch } = await import("chokidar");
  const ignored = (path: string): boolean => IGNORED.test(relative(root, path));
  let timer: NodeJS.Timeout | undefined;
  let events = 0;
  const now = (): void => {
    events = 0;
    changed();
  };
  const soon = (): void => {
    clearTimeout(timer);
    events += 1;
    timer = setTimeout(now, events > MANY ? SETTLE_MANY : SETTLE);
  };
  let watched: ReadonlySet<string> = new Set();
  let watcher: ReturnType<typeof watch> | null = null;
  return {
    set: async (paths) => {
      const wanted = new Set(paths);
      if (watcher !== null && [...wanted].every((path) => watched.has(path))) return false;
      // A watcher tells only once, and only as a whole, when it is on: so a new one for a new set.
      const next = watch([...wanted], { ignoreInitial: true, ignored });
      await new Promise<void>((resolve) => next.once("ready", resolve));
      // "raw" too: chokidar drops a second change of a file within 50 ms of the first.
      next.on("all", soon).on("raw", soon).on("error", soon);
      await watcher?.close();
      watcher = next;
      watched = wanted;
      return true;
    },
    close: async () => {
      clearTimeout(timer);
      await watcher?.close();
    },
  };
}
