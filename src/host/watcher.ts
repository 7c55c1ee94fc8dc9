import * as fs from "node:fs";
import { basename, relative } from "node:path";
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
  const outputs = new OutputWatch(soon);
  let watched: ReadonlySet<string> = new Set();
  let watcher: ReturnType<typeof watch> | null = null;
  return {
    set: async (paths, outputPaths) => {
      const wasOff = outputs.set(outputPaths);
      const wanted = new Set(paths);
      if (watcher !== null && [...wanted].every((path) => watched.has(path))) return wasOff;
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
      outputs.close();
      await watcher?.close();
    },
  };
}

/**
 * Watches outputs by their folders: there may be many thousands of them, and of what is not there yet only the
 * folder tells when it comes.
 */
class OutputWatch {
  readonly #changed: () => void;
  readonly #folders = new Map<string, fs.FSWatcher>();
  #names = new Map<string, ReadonlySet<string>>();

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** True when a folder was not watched until now. */
  set(outputs: readonly string[]): boolean {
    const names = new Map<string, Set<string>>();
    for (const path of outputs) {
      const folder = path.slice(0, path.lastIndexOf("/"));
      const known = names.get(folder);
      if (known === undefined) names.set(folder, new Set([basename(path)]));
      else known.add(basename(path));
    }
    this.#names = names;
    for (const folder of [...this.#folders.keys()]) if (!names.has(folder)) this.#drop(folder);
    let wasOff = false;
    for (const folder of names.keys()) {
      if (this.#folders.has(folder) || !fs.existsSync(folder)) continue;
      this.#folders.set(folder, this.#watch(folder));
      wasOff = true;
    }
    return wasOff;
  }

  close(): void {
    for (const folder of [...this.#folders.keys()]) this.#drop(folder);
  }

  #watch(folder: string): fs.FSWatcher {
    const watcher = fs.watch(folder, (_event, name) => {
      // A folder that goes tells so by its own name.
      const gone = name === basename(folder) && !fs.existsSync(folder);
      if (gone) this.#drop(folder);
      if (gone || name === null || this.#names.get(folder)?.has(name) === true) this.#changed();
    });
    return watcher.on("error", () => {
      this.#drop(folder);
      this.#changed();
    });
  }

  #drop(folder: string): void {
    this.#folders.get(folder)?.close();
    this.#folders.delete(folder);
  }
}
