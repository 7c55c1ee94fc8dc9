import { EXIT } from "../model/failure.ts";
import { killAllProcesses } from "../host/process.ts";

/**
 * Ctrl-C, a closed terminal and a polite kill stop the build in an orderly way: children are asked to
 * end, stages are removed, nothing half-done is recorded. A second Ctrl-C does not wait for that.
 */
export function interruptible(): { readonly signal: AbortSignal; readonly dispose: () => void } {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) {
      killAllProcesses();
      process.exit(EXIT.interrupted);
    }
    controller.abort();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, stop);
  process.on("exit", killAllProcesses);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of signals) process.off(signal, stop);
      process.off("exit", killAllProcesses);
    },
  };
}
