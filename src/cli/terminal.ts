import pc from "picocolors";
import type { Failure } from "../model/failure.ts";
import { failureText } from "../ui/format.ts";
import { jsonReporter } from "../ui/json.ts";
import { plainReporter } from "../ui/plain.ts";
import { NO_COLOURS, type Colours, type Output, type Reporter } from "../ui/reporter.ts";
import { ttyReporter } from "../ui/tty.ts";

/** Colours where a person looks: on a terminal, unless NO_COLOR says no. */
function coloursFor(stream: NodeJS.WriteStream): Colours {
  const noColour = (process.env["NO_COLOR"] ?? "") !== "";
  const forced = (process.env["FORCE_COLOR"] ?? "") !== "" && process.env["FORCE_COLOR"] !== "0";
  const wanted = !noColour && (forced || (stream.isTTY && process.env["TERM"] !== "dumb"));
  return wanted ? pc.createColors(true) : NO_COLOURS;
}

export const standardOutput: Output = {
  write: (text) => void process.stdout.write(text),
  columns: () => process.stdout.columns || 80,
  colours: coloursFor(process.stdout),
};

export function printFailures(failures: readonly Failure[]): void {
  const colours = coloursFor(process.stderr);
  for (const failure of failures) process.stderr.write(`${failureText(failure, colours)}\n`);
}

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

const REPORTERS = { tty: ttyReporter, plain: plainReporter, json: jsonReporter } as const;

export const isReporterName = (name: string): name is keyof typeof REPORTERS => name in REPORTERS;

export const unknownReporter = (name: string): Failure => ({
  reason: "usage",
  message: `There is no reporter ${name}`,
  nextStep: "Take tty, plain or json.",
});

/** The reporter that was asked for, else the one that fits the terminal. */
export function chooseReporter(name: string | undefined): Reporter {
  const fitting = process.stdout.isTTY && process.env["TERM"] !== "dumb" ? "tty" : "plain";
  const chosen = name !== undefined && isReporterName(name) ? name : fitting;
  return REPORTERS[chosen](standardOutput, () => performance.now());
}
