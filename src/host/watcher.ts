import type { FileWatch } from "../ports.ts";

/** One save is often several events; this long after the last one we look. */
const SETTLE = 30;

/** Watches files and folders; `changed` is called once for a burst of events. */
export async function watchFiles(changed: () => void): Promise<FileWatch> {
  const { watch } = await import("chokidar");
  const watcher = watch([], {
    ignoreInitial: true,
    ignored: /[\\/](\.aqm|node_modules|\.git)([\\/]|$)/,
  });
  let timer: NodeJS.Timeout | undefined;
  watcher.on("all", () => {
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE);
  });
  watcher.on("error", () => changed());
  let watched = new Set<string>();
  return {
    set: (paths) => {
      const wanted = new Set(paths);
      watcher.unwatch([...watched].filter((path) => !wanted.has(path)));
      watcher.add([...wanted].filter((path) => !watched.has(path)));
      watched = wanted;
    },
    close: async () => {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}
