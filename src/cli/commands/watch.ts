import { EXIT } from "../../model/failure.ts";
import type { Arguments } from "../arguments.ts";
import { buildSettings, openSession, realPorts } from "../session.ts";
import { chooseReporter, printFailures } from "../terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const settings = buildSettings(args);
  const reporter = chooseReporter(args.value("reporter"));
  if (!settings.ok || !reporter.ok) {
    printFailures([
      ...(settings.ok ? [] : [settings.error]),
      ...(reporter.ok ? [] : [reporter.error]),
    ]);
    return EXIT.usage;
  }
  const { watchBuild } = await import("../../build/watch.ts");
  const { watchFiles } = await import("../../host/watcher.ts");
  const { interruptible } = await import("../interrupt.ts");
  const { signal, dispose } = interruptible();
  try {
    await watchBuild(
      {
        open: async () => {
          const session = await openSession({ targets: args.targets, gpus: args.value("gpus") });
          if (!session.ok) return session;
          const { layout, aqmfile, opSources, selection, targets, gpus, expected } = session.value;
          const ports = await realPorts(session.value, args.value("python"));
          return {
            ok: true,
            value: {
              ports,
              request: { selection, targets, gpus, expected, ...settings.value, keepGoing: true },
              files: [...aqmfile.files, ...opSources.files()],
              root: layout.root,
            },
          };
        },
        watchFiles,
        gpu: args.flag("gpu"),
        signal,
      },
      reporter.value.report,
    );
  } finally {
    reporter.value.close();
    dispose();
  }
  return signal.aborted ? EXIT.interrupted : EXIT.done;
}
