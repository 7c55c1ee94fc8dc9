import type { BuildEvent } from "../model/event.ts";
import { causeText, durationText } from "./format.ts";
import { oneLine } from "./escape.ts";
import { linesOf } from "./lines.ts";
import { percent } from "./progress.ts";
import type { Output, Reporter } from "./reporter.ts";

/** At most one progress line per action in this many milliseconds: logs should stay readable. */
const PACE = 10_000;

/** Lines for logs and pipes: nothing is ever overwritten. */
export function plainReporter(output: Output, now: () => number): Reporter {
  const { colours } = output;
  const phases = new Map<string, { name: string; total: number | null; saidAt: number }>();
  let activitySaidAt = -PACE;
  const say = (line: string): void => output.write(`${line}\n`);
  const sayActivity = (text: string): void => {
    if (now() - activitySaidAt < PACE) return;
    activitySaidAt = now();
    say(colours.dim(text));
  };
  return {
    report: (event: BuildEvent) => {
      for (const line of linesOf(event, colours)) say(line);
      switch (event.type) {
        case "hashing":
          sayActivity(`reading  ${oneLine(event.file)} ${percent(event.done, event.total)}`);
          break;
        case "environment":
          if (event.state === "ready") break;
          sayActivity(
            `prepare  Python environment ${event.name}: ${event.message}${event.total === null ? "" : ` (${event.done} of ${event.total})`}`,
          );
          break;
        case "action_started": {
          if (event.log === null) break; // in this process, over at once: its "ran" line will do
          const device = event.lane === "gpu" ? ` on GPU ${event.devices.join(",")}` : "";
          const expected =
            event.expectedSeconds === null ? "" : `, about ${durationText(event.expectedSeconds)}`;
          say(
            `${colours.cyan("run")}      ${event.target} ${colours.dim(`${event.op}${device}${expected}`)}`,
          );
          for (const cause of event.causes) {
            if (cause.kind !== "never_built") say(colours.dim(`           ${causeText(cause)}`));
          }
          break;
        }
        case "action_phase":
          phases.set(event.target, { name: event.name, total: event.total, saidAt: now() });
          break;
        case "action_step": {
          const phase = phases.get(event.target);
          if (phase === undefined || now() - phase.saidAt < PACE) break;
          phase.saidAt = now();
          const of = phase.total === null ? "" : ` of ${phase.total}`;
          say(
            colours.dim(
              `           ${oneLine(event.target)}: ${oneLine(phase.name)} ${event.done}${of}`,
            ),
          );
          break;
        }
        default:
          break;
      }
    },
    close: () => undefined,
  };
}
