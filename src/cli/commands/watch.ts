import { join } from "node:path";
import type { EmitEvent } from "../../model/event.ts";
import { EXIT, interruptionCode, type Failure } from "../../model/failure.ts";
import type { Result } from "../../model/result.ts";
import { groupSkipped } from "../../model/skipped.ts";
import { buildSettings, wholeNumber, type Arguments } from "../language/arguments.ts";
import { withCompiledFolder } from "../../host/code/compiled-folder.ts";
import { layoutOf } from "../../host/disk/layout.ts";
import { PACKAGE_ROOT, workspaceRoot } from "../session/root.ts";
import { whileWatching } from "../../ui/watch-words.ts";
import type { Serving } from "../views/serving.ts";
import { openAsked } from "../session/asked.ts";
import type { Session } from "../session/session.ts";
import { interruptible } from "../terminal/interrupt.ts";
import {
  chooseReporter,
  isReporterName,
  printFailures,
  unknownReporter,
} from "../terminal/terminal.ts";

/** Null unless it was asked for. */
async function serve(
  args: Arguments,
  root: string,
  port: number,
): Promise<Result<Serving, Failure> | null> {
  if (args.value("serve") === undefined) return null;
  const { startServing } = await import("../views/serving.ts");
  return startServing(root, port);
}

export async function run(args: Arguments): Promise<number> {
  // First of all: what is loaded below takes a while, and a signal counts from the beginning.
  const { signal, dispose } = interruptible();
  try {
    return await watch(args, signal);
  } finally {
    dispose();
  }
}

async function watch(args: Arguments, signal: AbortSignal): Promise<number> {
  const settings = buildSettings(args);
  const name = args.value("reporter");
  if (!settings.ok || (name !== undefined && !isReporterName(name))) {
    printFailures([settings.ok ? unknownReporter(name ?? "") : settings.error]);
    return EXIT.usage;
  }
  const port = wholeNumber("serve", args.value("serve"), 0, 0);
  if (!port.ok) {
    printFailures([port.error]);
    return EXIT.usage;
  }
  const { watchBuild } = await import("../../execute/watch.ts");
  const { withPorts } = await import("../session/ports.ts");
  const { watchFiles } = await import("../../host/evidence/watcher.ts");
  const { Warmth } = await import("../../host/aqmfile/warmth.ts");
  const layout = withCompiledFolder(layoutOf(workspaceRoot(), PACKAGE_ROOT));
  const warmth = new Warmth(layout);
  // The bundler lives as long as this does: it may keep some more memory and collect less often.
  process.env["GOGC"] ??= "400";
  const serving = await serve(args, layout.root, port.value);
  if (serving !== null && !serving.ok) {
    printFailures([serving.error]);
    return EXIT.usage;
  }
  const page = serving?.value ?? null;
  const reporter = await chooseReporter(name);
  const emit: EmitEvent = (happened) => {
    const event = whileWatching(happened);
    reporter.report(event);
    page?.report(event);
  };
  if (page !== null) emit({ type: "serving", url: page.url, port: page.port });
  let last: Session | null = null;
  let wrong: readonly Failure[] = [];
  try {
    wrong = await watchBuild(
      {
        open: async () => {
          if (last?.workspace.storeGrown === true || last?.workspace.partialsGrown === true) {
            const { tidyStore } = await import("../session/tidy.ts");
            await tidyStore(last.layout, last.workspace, emit, signal);
          }
          warmth.bundler.begin();
          const gpuIds = args.value("gpus");
          const session = await openAsked(args, {
            gpus: gpuIds,
            python: args.values("python"),
            layout,
            warmth,
            shared: last?.workspace.shared ?? null,
          });
          if (!session.ok) return session;
          last = session.value;
          const { aqmfile, evidence, opSources, selection, targets, gpus, gpusAlike, expected } =
            session.value;
          return {
            ok: true,
            value: {
              withPorts: (use) => withPorts(session.value, use),
              request: {
                selection,
                targets,
                gpus,
                gpusAlike,
                expected,
                skipped: groupSkipped(selection.skipped),
                ...settings.value,
                keepGoing: true,
              },
              files: [...aqmfile.files, ...opSources.files()],
              ways: () => evidence.waysPassed(),
              root: layout.root,
            },
          };
        },
        built: () => {
          if (last !== null) page?.show(last);
        },
        idle: () => warmth.bundler.warmUp(),
        watchFiles: (changed) => watchFiles(workspaceRoot(), changed),
        always: ["Aqmfile.ts", "conf", "rules", "python/aqm_runner/ops"].map((name) =>
          join(workspaceRoot(), name),
        ),
        gpu: args.flag("gpu"),
        signal,
      },
      emit,
    );
  } finally {
    await page?.close();
    await warmth.bundler.close();
    reporter.close();
  }
  if (wrong.length > 0) {
    printFailures(wrong);
    return EXIT.usage;
  }
  return signal.aborted ? interruptionCode(signal) : EXIT.done;
}
