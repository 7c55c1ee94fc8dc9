import { join } from "node:path";
import { EXIT, interruptionCode } from "../../model/failure.ts";
import { groupSkipped } from "../../model/skipped.ts";
import { buildSettings, type Arguments } from "../arguments.ts";
import { withCompiledFolder } from "../../host/compiled-folder.ts";
import { layoutOf } from "../../host/layout.ts";
import { PACKAGE_ROOT, workspaceRoot } from "../root.ts";
import { openSession, realPorts, type Session } from "../session.ts";
import { chooseReporter, isReporterName, printFailures, unknownReporter } from "../terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const settings = buildSettings(args);
  const name = args.value("reporter");
  if (!settings.ok || (name !== undefined && !isReporterName(name))) {
    printFailures([settings.ok ? unknownReporter(name ?? "") : settings.error]);
    return EXIT.usage;
  }
  const reporter = chooseReporter(name);
  const { watchBuild } = await import("../../build/watch.ts");
  const { watchFiles } = await import("../../host/watcher.ts");
  const { interruptible } = await import("../interrupt.ts");
  const { Warmth } = await import("../../host/warmth.ts");
  const { signal, dispose } = interruptible();
  const layout = withCompiledFolder(layoutOf(workspaceRoot(), PACKAGE_ROOT));
  const warmth = new Warmth(layout);
  let last: Session | null = null;
  try {
    await watchBuild(
      {
        open: async () => {
          if (last?.workspace.storeGrown === true) {
            const { tidyStore } = await import("../tidy.ts");
            await tidyStore(last.layout, reporter.report, signal);
          }
          warmth.bundler.begin();
          const gpuIds = args.value("gpus");
          const session = await openSession({
            targets: args.targets,
            gpus: gpuIds,
            layout,
            warmth,
          });
          if (!session.ok) return session;
          last = session.value;
          const { aqmfile, opSources, selection, targets, gpus, expected } = session.value;
          const ports = await realPorts(session.value, args.value("python"));
          return {
            ok: true,
            value: {
              ports,
              request: {
                selection,
                targets,
                gpus,
                expected,
                skipped: groupSkipped(selection.skipped),
                ...settings.value,
                keepGoing: true,
              },
              files: [...aqmfile.files, ...opSources.files()],
              root: layout.root,
            },
          };
        },
        idle: () => warmth.bundler.warmUp(),
        watchFiles: (changed) => watchFiles(workspaceRoot(), changed),
        always: ["Aqmfile.ts", "conf", "rules"].map((name) => join(workspaceRoot(), name)),
        gpu: args.flag("gpu"),
        signal,
      },
      reporter.report,
    );
  } finally {
    await warmth.bundler.close();
    reporter.close();
    dispose();
  }
  return signal.aborted ? interruptionCode(signal) : EXIT.done;
}
