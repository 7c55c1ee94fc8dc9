import { STREAM_VERSION, type BuildEvent } from "../model/event.ts";
import type { Output, Reporter } from "./reporter.ts";

/**
 * Every event as one line of JSON, numbered; the first with the version of the stream. `events.schema.json` says what
 * a line may be; `scripts/event-schema.mjs` makes it.
 */
export function jsonReporter(output: Output, now: () => number): Reporter {
  let seq = 0;
  const started = now();
  return {
    report: (event: BuildEvent) => {
      const version = seq === 0 ? { version: STREAM_VERSION } : {};
      const line = { seq: seq++, ms: Math.round(now() - started), ...version, ...event };
      output.write(`${JSON.stringify(line)}\n`);
    },
    close: () => undefined,
  };
}
