import { constants } from "node:os";
import { killAllProcesses } from "../../host/process/process.ts";
import { noteInterruption, onClosedPipe } from "./ending.ts";

/** Exit codes as shells know them: 128 and the number of the signal. */
const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal];

/**
 * Ctrl-C, a closed terminal, a polite kill and a reader that went away stop the build in an orderly way:
 * children are asked to end, stages are removed, nothing half-done is recorded. A second Ctrl-C does not
 * wait for that.
 */
export function interruptible(): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController();
  let signalled = false;
  const abort = (code: number): void => {
    noteInterruption(code);
    controller.abort(code);
  };
  const stop = (signal: NodeJS.Signals): void => {
    if (signalled) {
      killAllProcesses();
      process.exit(codeOf(signal));
    }
    signalled = true;
    abort(codeOf(signal));
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, stop);
  process.on("exit", killAllProcesses);
  onClosedPipe(abort);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of signals) process.off(signal, stop);
      process.off("exit", killAllProcesses);
      onClosedPipe(null);
    },
  };
}
