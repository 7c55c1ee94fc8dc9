import type { BuildEvent } from "../model/event.ts";
import { clip, columnsOf } from "./columns.ts";
import { oneLine } from "./escape.ts";
import { durationText } from "./format.ts";
import { LastingLines } from "./lasting-lines.ts";
import { ProgressFold, type Progress } from "./progress.ts";
import type { Colours, Output, Reporter } from "./reporter.ts";
import { isOverdue, secondsLeft, type RunningAction } from "./running-action.ts";
import { ShortNames } from "./short-names.ts";
import { timeLeftText } from "./time-left.ts";

const REPAINT = 100;
const HIDE_CURSOR = "\u001b[?25l";
const SHOW_CURSOR = "\u001b[?25h";
/** Terminals disagree on the width of some emoji: a line that is too wide is cut, not continued on the next row. */
const CUT_LINES = "\u001b[?7l";
const WRAP_LINES = "\u001b[?7h";
const ERASE_BELOW = "\u001b[J";
/** Rows of running actions shown at most; the rest is counted. */
const MOST_ROWS = 8;
/** A target's name keeps so many columns, however long the rest of its line is. */
const LEAST_NAME = 20;

/**
 * Lasting lines scroll by; below them a few lines are repainted: a bar of what is done, cached,
 * running and still unknown, and one line for each running action.
 */
export function ttyReporter(output: Output, now: () => number, verbose = false): Reporter {
  const fold = new ProgressFold();
  const names = new ShortNames();
  const shorten = (target: string, taken: number): string =>
    names.of(target, Math.max(LEAST_NAME, output.columns() - taken));
  const lines = new LastingLines(output.colours, verbose, shorten);
  /** The widths of the repainted lines. */
  let painted: readonly number[] = [];
  let lasting: string[] = [];
  /** Goes to where the repainted lines begin, and writes there what lasts. */
  const above = (): string => {
    const rows = rowsTaken(painted, output);
    const up = rows > 0 ? `\u001b[${rows}A\r` : "\r";
    // A lasting line may take several rows: none of them may show what was painted there.
    return lasting.length === 0 ? up : `${up}${ERASE_BELOW}${lasting.join("\n")}\n`;
  };
  const paint = (): void => {
    const live = liveLines(fold.now, now(), output.columns(), output.colours, names);
    const text = live.map((line) => `\u001b[K${line}\n`).join("");
    output.write(`${above()}${CUT_LINES}${text}${ERASE_BELOW}${WRAP_LINES}`);
    painted = live.map(columnsOf);
    lasting = [];
  };
  output.write(HIDE_CURSOR);
  const timer = setInterval(paint, REPAINT);
  timer.unref();
  return {
    report: (event: BuildEvent) => {
      fold.add(event, now());
      if (event.type === "planned") names.set(event.actions.map(({ target }) => target));
      lasting.push(...lines.of(event).flatMap((line) => line.split("\n")));
    },
    close: () => {
      clearInterval(timer);
      output.write(`${above()}${ERASE_BELOW}${SHOW_CURSOR}`);
      lasting = [];
      painted = [];
    },
  };
}

/** Most terminals break a line of text again when they become narrower: it then takes several rows. */
const rowsTaken = (widths: readonly number[], output: Output): number =>
  output.rewraps === false
    ? widths.length
    : widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / output.columns())), 0);

/** The repainted part, as lines that take no more than `columns`. */
export function liveLines(
  progress: Progress,
  now: number,
  columns: number,
  colours: Colours,
  names = new ShortNames(),
): readonly string[] {
  const lines: string[] = [];
  if (progress.activity !== null) lines.push(clip(oneLine(progress.activity), columns));
  if (progress.total === 0) return lines;
  lines.push(barLine(progress, now, columns, colours));
  const running = [...progress.running.values()];
  for (const action of running.slice(0, MOST_ROWS))
    lines.push(actionLine(action, now, columns, colours, names));
  if (running.length > MOST_ROWS)
    lines.push(colours.dim(`  and ${running.length - MOST_ROWS} more`));
  return lines;
}

function barLine(progress: Progress, now: number, columns: number, colours: Colours): string {
  const { total, ran, cached, failed, blocked, unknown } = progress;
  const done = ran + cached + failed + blocked;
  const counts = ` ${done}/${total}  ${ran} ran, ${cached} cached${unknown > 0 ? `, ${unknown} unknown` : ""}${failed > 0 ? `, ${failed} failed` : ""}`;
  const left = done === total ? null : progress.timeLeft(now);
  const text = left === null ? counts : `${counts}  ${timeLeftText(left)}`;
  const width = Math.min(40, columns - text.length - 3);
  if (width < 6) return clip(text.trimStart(), columns);
  const cells = (count: number): number => Math.round((count / total) * width);
  const full = Math.min(width, cells(done));
  const open = Math.min(width - full, cells(unknown));
  const rest = width - full - open;
  const bar = `${colours.green("━".repeat(full))}${colours.dim("─".repeat(rest))}${colours.yellow("┄".repeat(open))}`;
  return `${bar}${text}`;
}

function actionLine(
  action: RunningAction,
  now: number,
  columns: number,
  colours: Colours,
  names: ShortNames,
): string {
  const { phase, members, ended } = action;
  const together = members === 1 ? "" : `${ended} of ${members} together: `;
  const where = action.lane === "gpu" ? `GPU ${action.devices.join(",")}` : "CPU";
  const step =
    phase === null
      ? "starting"
      : phase.total === null
        ? `${oneLine(phase.name)}${phase.done > 0 ? ` ${phase.done}` : ""}`
        : `${oneLine(phase.name)} ${phase.done} of ${phase.total}`;
  const time = durationText((now - action.startedAt) / 1000);
  const tail = `  ${step}  ${time}${leftText(action, now)}`;
  const front = `  ${where}  ${together}`;
  const room = Math.max(LEAST_NAME - 2, columns - columnsOf(tail) - 1) - columnsOf(front);
  const head = clip(`${front}${oneLine(names.of(action.target, room))}`, columns - 1, "ends");
  return `${colours.cyan(head)}${clip(tail, Math.max(0, columns - columnsOf(head) - 1))}`;
}

/** An estimate tells of the op's own work: while its libraries load, all of that is still to come. */
function leftText(action: RunningAction, now: number): string {
  const left = secondsLeft(action, now);
  if (left !== null) {
    const time = left < 1 ? "under 1 s" : durationText(left);
    return action.workingSince === null ? `, then ${time}` : `, ${time} left`;
  }
  const { expectedSeconds } = action;
  if (expectedSeconds === null || !isOverdue(action, now)) return "";
  return `, overdue: ${durationText(expectedSeconds)} expected`;
}
