import { fstatSync, writeSync } from "node:fs";
import type { Failure } from "../../model/failure.ts";
import { secretsOf, withoutSecrets } from "../../model/secrets.ts";
import { failureText } from "../../ui/format.ts";
import {
  COLOURS,
  NO_COLOURS,
  type Colours,
  type Output,
  type Reporter,
} from "../../ui/reporter.ts";

/** Colours where a person looks: on a terminal, unless NO_COLOR says no. */
function coloursFor(stream: NodeJS.WriteStream): Colours {
  const noColour = (process.env["NO_COLOR"] ?? "") !== "";
  const forced = (process.env["FORCE_COLOR"] ?? "") !== "" && process.env["FORCE_COLOR"] !== "0";
  const wanted = !noColour && (forced || (stream.isTTY && process.env["TERM"] !== "dumb"));
  return wanted ? COLOURS : NO_COLOURS;
}

/** Asks for Node's stream no earlier than it must: to make that takes longer than many an answer. */
export const standardOutput: Output = {
  write: (text) => void process.stdout.write(discreet(text)),
  columns: () => process.stdout.columns || 80,
  get rewraps() {
    return rewraps(process.env);
  },
  get colours() {
    return coloursFor(process.stdout);
  },
};

let secrets: readonly string[] | null = null;

/** What leaves this process for a person or a program has no credentials in it. */
const discreet = (text: string): string =>
  withoutSecrets(text, (secrets ??= secretsOf(process.env)));

/** xterm itself, GNU screen and the console of Linux cut lines where others break them. */
const rewraps = ({ XTERM_VERSION, STY, TERM }: NodeJS.ProcessEnv): boolean =>
  XTERM_VERSION === undefined && STY === undefined && TERM !== "linux";

/** `/dev/null` on Linux: the one device that is no terminal and often written to. */
const NULL_DEVICE = 0x103;

/** For a line or two without that stream; null for a terminal, and where colours are wanted. */
export function briefOutput(): Output | null {
  const stat = fstatSync(1);
  const mayBeTerminal = stat.isCharacterDevice() && stat.rdev !== NULL_DEVICE;
  if (mayBeTerminal || (process.env["FORCE_COLOR"] ?? "") !== "") return null;
  return { write: writeBriefly, columns: () => 80, colours: NO_COLOURS };
}

function writeBriefly(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return; // a reader that went away is no error
      if (code !== "EAGAIN") throw error;
      process.stdout.write(rest); // which knows how to wait
      return;
    }
  }
}

export function printFailures(failures: readonly Failure[]): void {
  const colours = coloursFor(process.stderr);
  for (const failure of failures)
    process.stderr.write(`${discreet(failureText(failure, colours))}\n`);
}

export const print = (text: string): void => void process.stdout.write(`${discreet(text)}\n`);

export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

/** Each loads when it is chosen: the one for terminals brings a package. */
const REPORTERS = {
  tty: async () => (await import("../../ui/tty.ts")).ttyReporter,
  plain: async () => (await import("../../ui/plain.ts")).plainReporter,
  json: async () => (await import("../../ui/json.ts")).jsonReporter,
} as const;

export const isReporterName = (name: string): name is keyof typeof REPORTERS => name in REPORTERS;

export const unknownReporter = (name: string): Failure => ({
  reason: "usage",
  message: `There is no reporter ${name}`,
  nextStep: "Take tty, plain or json.",
});

/** The reporter that was asked for, else the one that fits the terminal. */
export async function chooseReporter(name: string | undefined, verbose = false): Promise<Reporter> {
  const chosen = name !== undefined && isReporterName(name) ? name : fittingReporter();
  const make = await REPORTERS[chosen]();
  return make(standardOutput, () => performance.now(), verbose);
}

const fittingReporter = (): keyof typeof REPORTERS =>
  process.stdout.isTTY && process.env["TERM"] !== "dumb" ? "tty" : "plain";
