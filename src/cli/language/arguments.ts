import { availableParallelism } from "node:os";
import { parseArgs, type ParseArgsConfig } from "node:util";
import type { Failure } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { ExecutorChoice } from "../../model/slurm.ts";

export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** How the value is called in the help; absent for a switch. */
  readonly value?: string;
  /** What it stands for when no number follows it. */
  readonly fallback?: string;
  /** May be given again, each time with another value. */
  readonly many?: true;
  readonly help: string;
}

export interface CommandSpec {
  readonly name: string;
  /** What follows the name in the usage line. */
  readonly usage: string;
  readonly summary: string;
  readonly description: readonly string[];
  readonly options: readonly OptionSpec[];
  readonly examples: readonly (readonly [command: string, what: string])[];
}

export interface Arguments {
  readonly targets: readonly string[];
  readonly flag: (name: string) => boolean;
  readonly value: (name: string) => string | undefined;
  /** All values of an option that may be given again. */
  readonly values: (name: string) => readonly string[];
}

/** `--port` alone means `--port=0`, if that is its fallback; `--port 80` is a number that belongs to it. */
function withFallbacks({ options }: CommandSpec, argv: readonly string[]): string[] {
  const words: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    const fallback = options.find(({ name }) => word === `--${name}`)?.fallback;
    if (fallback === undefined) words.push(word);
    else if (/^\d+$/.test(argv[at + 1] ?? "")) words.push(`${word}=${argv[++at] ?? ""}`);
    else words.push(`${word}=${fallback}`);
  }
  return words;
}

/** Parses with Node's own parser; a mistyped option gets the nearest right one. */
export function parseArguments(
  spec: CommandSpec,
  argv: readonly string[],
): Result<Arguments, Failure> {
  const options: NonNullable<ParseArgsConfig["options"]> = {
    help: { type: "boolean", short: "h" },
  };
  for (const { name, short, value, many } of spec.options) {
    options[name] = {
      type: value === undefined ? "boolean" : "string",
      ...(many === undefined ? {} : { multiple: true }),
      ...(short === undefined ? {} : { short }),
    };
  }
  try {
    const parsed = parseArgs({
      args: withFallbacks(spec, argv),
      options,
      allowPositionals: true,
      strict: true,
    });
    const values = parsed.values as Readonly<
      Record<string, string | boolean | readonly string[] | undefined>
    >;
    return ok({
      targets: parsed.positionals,
      flag: (name) => values[name] === true,
      value: (name) => (typeof values[name] === "string" ? values[name] : undefined),
      values: (name) => (Array.isArray(values[name]) ? (values[name] as readonly string[]) : []),
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const unknown = /Unknown option '--?([^']+)'/.exec(text)?.[1];
    return err({
      reason: "usage",
      message:
        unknown === undefined
          ? (text.split(". ")[0] ?? text)
          : `aqm ${spec.name} has no option --${unknown}`,
      nextStep:
        (unknown === undefined
          ? undefined
          : didYouMean(
              `--${unknown}`,
              Object.keys(options).map((name) => `--${name}`),
            )) ?? `aqm ${spec.name} --help lists them.`,
    });
  }
}

/** A whole number of at least `least`, or the failure that says which option is wrong. */
export function wholeNumber(
  name: string,
  text: string | undefined,
  fallback: number,
  least = 1,
): Result<number, Failure> {
  if (text === undefined) return ok(fallback);
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return ok(value);
  return err({
    reason: "usage",
    message: `--${name} takes a whole number from ${least}, not ${text}`,
    nextStep: `Write for example --${name} ${Math.max(least, 2)}.`,
  });
}

export function helpText(spec: CommandSpec): string {
  const option = ({ name, short, value }: OptionSpec): string =>
    `${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
  const all = [...spec.options, { name: "help", short: "h", help: "This page." }];
  const width = Math.max(...all.map((item) => option(item).length)) + 2;
  return [
    spec.summary,
    "",
    `  aqm ${spec.name} ${spec.usage}`,
    "",
    ...spec.description,
    "",
    "Options",
    ...all.map((item) => `  ${option(item).padEnd(width)}${item.help}`),
    "",
    "Examples",
    ...spec.examples.flatMap(([command, what]) => [`  ${command}`, `      ${what}`]),
    "",
  ].join("\n");
}

export interface BuildSettings {
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly maxGpuHours: number | undefined;
}

export function buildSettings(args: Arguments): Result<BuildSettings, Failure> {
  const jobs = wholeNumber("jobs", args.value("jobs"), availableParallelism());
  if (!jobs.ok) return jobs;
  const hours = args.value("max-gpu-hours");
  const maxGpuHours = hours === undefined || hours.trim() === "" ? undefined : Number(hours);
  if (hours !== undefined && !(maxGpuHours !== undefined && maxGpuHours >= 0)) {
    return err({
      reason: "usage",
      message: `--max-gpu-hours takes a number of hours, not ${hours === "" ? "nothing" : hours}`,
      nextStep: "Write for example --max-gpu-hours 0.5.",
    });
  }
  return ok({ jobs: jobs.value, keepGoing: args.flag("keep-going"), maxGpuHours });
}

/** Without the option, actions go to Slurm where their rule says so. */
export const executorOf = (args: Arguments): ExecutorChoice =>
  (args.value("executor") as ExecutorChoice | undefined) ?? "declared";
