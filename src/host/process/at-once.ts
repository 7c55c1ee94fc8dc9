const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs code that may never come back, and keeps this thread busy until it does: no handler of a signal could run
 * meanwhile, so a signal ends the process at once, as it does without a handler.
 */
export async function endedAtOnce<Value>(run: () => Promise<Value>): Promise<Value> {
  const handlers = SIGNALS.map((signal) => ({ signal, all: process.rawListeners(signal) }));
  for (const { signal } of handlers) process.removeAllListeners(signal);
  try {
    return await run();
  } finally {
    for (const { signal, all } of handlers)
      for (const handler of all) process.on(signal, handler as NodeJS.SignalsListener);
  }
}
