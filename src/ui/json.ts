import type { BuildEvent } from "../model/event.ts";
import type { Output, Reporter } from "./reporter.ts";

/** Every event as one line of JSON, numbered. */
export function jsonReporter(output: Output, now: () => number): Reporter {
  let seq = 0;
  const started = now();
  return {
    report: (event: BuildEvent) => {
      const line = { seq: seq++, ms: Math.round(now() - started), ...event };
      output.write(`${JSON.stringify(line)}\n`);
    },
    close: () => undefined,
  };
}
