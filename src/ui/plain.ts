import type { BuildEvent } from "../model/event.ts";
import { causeText, durationText } from "./format.ts";
import { oneLine } from "./escape.ts";
import { LastingLines } from "./lasting-lines.ts";
import { environmentText, percent, rowOf } from "./progress.ts";
import type { RunningAction } from "./running-action.ts";
import type { Colours, Output, Reporter } from "./reporter.ts";

/** At most one progress line per action in this many milliseconds: logs should stay readable. */
const PACE = 10_000;
/** Members of a batch that are named as it starts; each has a line of its own once it is done. */
const NAMED = 10;

type Environment = Extract<BuildEvent, { type: "environment" }>;

function runLine(
  what: string,
  {
    op,
    lane,
    devices,
    expectedSeconds,
  }: Pick<RunningAction, "op" | "lane" | "devices" | "expectedSeconds">,
  colours: Colours,
): string {
  const device = lane === "gpu" ? ` on GPU ${devices.join(",")}` : "";
  const expected = expectedSeconds === null ? "" : `, about ${durationText(expectedSeconds)}`;
  return `${colours.cyan("run")}      ${what} ${colours.dim(`${op}${device}${expected}`)}`;
}

/** Lines for logs and pipes: nothing is ever overwritten. */
export function plainReporter(output: Output, now: () => number, verbose = false): Reporter {
  const { colours } = output;
  const lasting = new LastingLines(colours, verbose);
  const phases = new Map<string, { name: string; total: number | null; saidAt: number }>();
  let activitySaidAt = -PACE;
  /** Members of batches that are not named as they start. */
  const unnamed = new Set<string>();
  const say = (line: string): void => output.write(`${line}\n`);
  const sayActivity = (text: string): void => {
    if (now() - activitySaidAt < PACE) return;
    activitySaidAt = now();
    say(colours.dim(text));
  };
  /** By environment, what was said of it last. */
  const prepared = new Map<string, Environment>();
  /** Each step at once; a count only when it is another one than before, at the pace of logs. */
  const sayPreparation = (event: Environment): void => {
    const last = prepared.get(event.name);
    const sameStep = last?.message === event.message;
    if (sameStep && (last.done === event.done || now() - activitySaidAt < PACE)) return;
    prepared.set(event.name, event);
    activitySaidAt = now();
    say(colours.dim(`prepare  ${environmentText(event)}`));
  };
  return {
    report: (event: BuildEvent) => {
      for (const line of lasting.of(event)) say(line);
      switch (event.type) {
        case "hashing":
          sayActivity(`reading  ${oneLine(event.file)} ${percent(event.done, event.total)}`);
          break;
        case "environment":
          if (event.state === "preparing") sayPreparation(event);
          break;
        case "action_started": {
          if (event.log === null) break; // in this process, over at once: its "ran" line will do
          if (unnamed.delete(event.target)) break;
          if (typeof event.batch === "string") say(`           ${oneLine(event.target)}`);
          else say(runLine(oneLine(event.target), event, colours));
          for (const cause of event.causes) {
            if (cause.kind !== "never_built") say(colours.dim(`           ${causeText(cause)}`));
          }
          break;
        }
        case "batch_started":
          say(runLine(`${event.targets.length} actions together`, event, colours));
          for (const target of event.targets.slice(NAMED)) unnamed.add(target);
          if (event.targets.length > NAMED)
            say(colours.dim(`           of which the first ${NAMED} are`));
          break;
        case "action_phase":
          phases.set(rowOf(event), { name: event.name, total: event.total, saidAt: now() });
          break;
        case "action_step": {
          const phase = phases.get(rowOf(event));
          if (phase === undefined || now() - phase.saidAt < PACE) break;
          phase.saidAt = now();
          const of = phase.total === null ? "" : ` of ${phase.total}`;
          say(
            colours.dim(
              `           ${oneLine(rowOf(event))}: ${oneLine(phase.name)} ${event.done}${of}`,
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
