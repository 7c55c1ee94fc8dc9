import { turn } from "./turn.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs code that may never come back, and keeps this thread busy until it does: no handler of a signal could run
 * meanwhile, so a signal ends the process at once, as it does without a handler. A shell reports that end with the
 * same exit code, 128 and the number of the signal. A signal that came before is given to its handlers first.
 */
export async function endedAtOnce<Value>(run: () => Promise<Value>): Promise<Value> {
  await delivered();
  const handlers = SIGNALS.map((signal) => ({ signal, all: process.rawListeners(signal) }));
  for (const { signal } of handlers) process.removeAllListeners(signal);
  try {
    return await run();
  } finally {
    for (const { signal, all } of handlers)
      for (const handler of all) process.on(signal, handler as NodeJS.SignalsListener);
  }
}

/**
 * A signal that came while this thread was busy waits for the event loop, and is lost with the last of its handlers.
 * The rest of the current turn may have looked for signals already, so that it takes a whole one more.
 */
async function delivered(): Promise<void> {
  await turn();
  await turn();
}
