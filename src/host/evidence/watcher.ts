import * as fs from "node:fs";
import { relative, sep } from "node:path";
import { isLitterByName } from "../../model/litter.ts";
import type { FileWatch } from "../../ports.ts";
import { statOf } from "./ways.ts";
import { FolderWatch } from "./folder-watch.ts";

/** One save is often several events; so many milliseconds after the last one we look. */
const SETTLE = 15;
/** More files than a person saves at once: a checkout, a generator. More will come. */
const MANY = 20;
const SETTLE_MANY = 100;
const IGNORED = /^(?:\.aqm|node_modules)$/;

/** Watches files and folders; `changed` is called once for a burst of events. */
export async function watchFiles(root: string, changed: () => void): Promise<FileWatch> {
  const { watch } = await import("chokidar");
  const ignored = (path: string): boolean =>
    relative(root, path)
      .split(sep)
      .some((name) => IGNORED.test(name) || isLitterByName(name));
  /** The workspace itself stays where it is. */
  const isAround = (path: string): boolean =>
    `${root}/`.startsWith(path === "/" ? path : `${path}/`);
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
  const outputs = new FolderWatch(soon, { climbs: false });
  let came = new Set<string>();
  // Chokidar would read the whole folder again after each change, once for each path that is missing in it.
  const names = new FolderWatch(
    (path, isOther) => {
      if (isOther) came.add(path);
      soon();
    },
    { climbs: true },
  );
  let wantedLast: ReadonlySet<string> = new Set();
  let watched: ReadonlySet<string> = new Set();
  let watcher: ReturnType<typeof watch> | null = null;
  return {
    set: async ({ paths, outputs: outputPaths, ways }) => {
      const outputsWereOff = outputs.set(outputPaths);
      // Of a package only such files count as were looked at.
      const wanted = new Set([...paths, ...ways.filter((place) => !isAround(place))]);
      const isKnown =
        wanted.size === wantedLast.size && [...wanted].every((path) => wantedLast.has(path));
      if (isKnown && came.size === 0) return outputsWereOff;
      const other = came;
      came = new Set();
      const namesWereOff = names.set(wanted);
      wantedLast = wanted;
      const there = paths.filter((path) => !ignored(path) && fs.existsSync(path));
      // What left and came back under its name is another folder, and so is one behind a link that was set again.
      const moved = [...other].some((path) => statOf(path)?.isDirectory() === true);
      const isOn = there.every((path) => watched.has(path)) && !(moved && there.length > 0);
      if (isOn) return outputsWereOff || namesWereOff;
      // A watcher tells only once, and only as a whole, when it is on: so a new one for a new set.
      // The old one is closed first, or they would share what still watches a folder that was replaced; what
      // happens in between is seen by the look that follows.
      await watcher?.close();
      const next = watch(there, { ignoreInitial: true, ignored });
      await new Promise<void>((resolve) => next.once("ready", resolve));
      // "raw" too: chokidar drops a second change of a file within 50 ms of the first.
      next.on("all", soon).on("raw", soon).on("error", soon);
      watcher = next;
      watched = new Set(there);
      return true;
    },
    close: async () => {
      clearTimeout(timer);
      outputs.close();
      names.close();
      await watcher?.close();
    },
  };
}
