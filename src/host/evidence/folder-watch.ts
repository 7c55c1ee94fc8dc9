import * as fs from "node:fs";
import { basename, dirname } from "node:path";
import { statOf } from "./ways.ts";

/** Tells of a watched path that it changed; `came` when something came, went or took its place. */
export type PathChanged = (path: string, came: boolean) => void;

/**
 * Watches paths by the folders that they are in: there may be many thousands of them, and of what is not there
 * yet only the folder tells when it comes.
 */
export class FolderWatch {
  readonly #changed: PathChanged;
  readonly #climbs: boolean;
  readonly #folders = new Map<string, WatchedFolder>();
  #names = new Map<string, ReadonlySet<string>>();

  /** @param climbs where a folder is missing, watch the nearest one above it for what leads there */
  constructor(changed: PathChanged, { climbs }: { readonly climbs: boolean }) {
    this.#changed = changed;
    this.#climbs = climbs;
  }

  /** True when a folder was not watched until now, or another one was. */
  set(paths: Iterable<string>): boolean {
    const names = new Map<string, Set<string>>();
    for (const path of paths) this.#add(names, path);
    this.#names = names;
    for (const folder of [...this.#folders.keys()]) if (!names.has(folder)) this.#drop(folder);
    let wasOff = false;
    for (const folder of names.keys()) {
      const identity = identityOf(folder);
      // A link on the way may lead to another folder by now.
      if (this.#folders.get(folder)?.identity === identity) continue;
      this.#drop(folder);
      const watcher = identity === undefined ? null : this.#watch(folder);
      if (watcher === null) continue;
      this.#folders.set(folder, { watcher, identity });
      wasOff = true;
    }
    return wasOff;
  }

  close(): void {
    for (const folder of [...this.#folders.keys()]) this.#drop(folder);
  }

  #add(names: Map<string, Set<string>>, path: string): void {
    const folder = dirname(path);
    const known = names.get(folder);
    if (known !== undefined) {
      known.add(basename(path));
      return;
    }
    names.set(folder, new Set([basename(path)]));
    if (this.#climbs && folder !== dirname(folder) && !fs.existsSync(folder))
      this.#add(names, folder);
  }

  #watch(folder: string): fs.FSWatcher | null {
    const watcher = watchFolder(folder, (event, name) => {
      // A folder that goes tells so by its own name. Another one may be there by now, even with its number.
      const gone = event === "rename" && name === basename(folder);
      if (gone) this.#drop(folder);
      if (gone || name === null) this.#changed(folder, true);
      else if (this.#names.get(folder)?.has(name) === true)
        this.#changed(folder === "/" ? `/${name}` : `${folder}/${name}`, event === "rename");
    });
    return (
      watcher?.on("error", () => {
        this.#drop(folder);
        this.#changed(folder, true);
      }) ?? null
    );
  }

  #drop(folder: string): void {
    this.#folders.get(folder)?.watcher.close();
    this.#folders.delete(folder);
  }
}

interface WatchedFolder {
  readonly watcher: fs.FSWatcher;
  readonly identity: string | undefined;
}

/** Undefined where nothing is. */
function identityOf(folder: string): string | undefined {
  const stat = statOf(folder);
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}

/** Null where this may not be watched, or is no folder: then its contents are not watched either. */
function watchFolder(
  folder: string,
  changed: (event: fs.WatchEventType, name: string | null) => void,
): fs.FSWatcher | null {
  try {
    return fs.watch(folder, changed);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
}
