import * as fs from "node:fs";
import { join } from "node:path";
import { errorCode } from "../host/disk/disk.ts";
import { diskFailure } from "../host/disk/disk-failure.ts";
import { EXIT, type Failure } from "../model/failure.ts";
import { NotJsonError } from "../model/json.ts";
import { didYouMean } from "../model/nearest-name.ts";
import { helpText, parseArguments, type Arguments } from "./language/arguments.ts";
import { COMMANDS, overviewText } from "./language/commands.ts";
import type { Recalled } from "./session/recall.ts";
import { codeToEndWith, watchOutput } from "./terminal/ending.ts";
import { PACKAGE_ROOT } from "./session/root.ts";
import { print, printFailures } from "./terminal/terminal.ts";

type RunCommand = (args: Arguments, recalled?: Recalled) => Promise<number>;

/** Each command is loaded only when it is asked for: start-up is part of every no-op. */
const RUN: Readonly<Record<string, () => Promise<{ readonly run: RunCommand }>>> = {
  init: () => import("./commands/init.ts"),
  build: () => import("./commands/build.ts"),
  sweep: () => import("./commands/sweep.ts"),
  why: () => import("./commands/why.ts"),
  verify: () => import("./commands/verify.ts"),
  watch: () => import("./commands/watch.ts"),
  list: () => import("./commands/list.ts"),
  graph: () => import("./commands/graph.ts"),
  query: () => import("./commands/query.ts"),
  clean: () => import("./commands/clean.ts"),
  gc: () => import("./commands/gc.ts"),
  cache: () => import("./commands/cache.ts"),
  restore: () => import("./commands/restore.ts"),
  diff: () => import("./commands/diff.ts"),
  adopt: () => import("./commands/adopt.ts"),
  reproduce: () => import("./commands/reproduce.ts"),
  lock: () => import("./commands/lock.ts"),
  environment: () => import("./commands/environment.ts"),
  doctor: () => import("./commands/doctor.ts"),
  explain: () => import("./commands/explain.ts"),
  completion: () => import("./commands/completion.ts"),
};

async function main(argv: readonly string[], recalled?: Recalled): Promise<number> {
  const [first, ...rest] = argv;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    const spec = COMMANDS.find(({ name }) => name === rest[0]);
    print(spec === undefined ? overviewText(version()) : helpText(spec));
    return first === undefined ? EXIT.usage : EXIT.done;
  }
  if (first === "--version" || first === "-v" || first === "-V") {
    print(version());
    return EXIT.done;
  }
  if (first === "__complete") return (await import("./commands/completion.ts")).complete(rest);
  const spec = COMMANDS.find(({ name }) => name === first);
  const load = RUN[first];
  if (spec === undefined || load === undefined) {
    const names = COMMANDS.map(({ name }) => name);
    printFailures([
      {
        reason: "usage",
        message: `aqm has no command ${first}`,
        nextStep: didYouMean(first, names) ?? `Commands: ${names.join(", ")}.`,
      },
    ]);
    return EXIT.usage;
  }
  if (rest.includes("--help") || rest.includes("-h")) {
    print(helpText(spec));
    return EXIT.done;
  }
  const args = parseArguments(spec, rest);
  if (!args.ok) {
    printFailures([args.error]);
    return EXIT.usage;
  }
  return (await load()).run(args.value, recalled);
}

function version(): string {
  const text = fs.readFileSync(join(PACKAGE_ROOT, "package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/**
 * What `aqm` says and does for these arguments, with the exit code as its answer. It takes the folder, the
 * environment and the streams of this process as they are and leaves the process running, so that one process
 * can ask again and again.
 *
 * @param recalled what `answerAtOnce` found out
 */
export async function answer(argv: readonly string[], recalled?: Recalled): Promise<number> {
  try {
    if (!hasFolder()) {
      printFailures([folderGone]);
      return EXIT.usage;
    }
    return codeToEndWith(await main(argv, recalled));
  } catch (error) {
    return answerTo(error);
  }
}

function hasFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}

const folderGone: Failure = {
  reason: "usage",
  message: "The folder in which aqm was started is not there any more",
  nextStep: "Change into a folder that is there: cd .. && cd - may be all it takes.",
};

/** The same for a process of its own, which ends with that exit code. */
export async function start(argv: readonly string[], recalled?: Recalled): Promise<void> {
  let answered = false;
  watchOutput((code) => {
    answered = true;
    process.exit(code);
  });
  // An Aqmfile or an op that calls process.exit, or waits for ever, must not look like success.
  process.once("exit", (code) => {
    if (answered || (code !== 0 && code !== 13)) return;
    process.stderr.write(
      "error the command ended without an answer\n  next    Look for process.exit(), or an await that never ends, in the Aqmfile, its rules and its ops.\n",
    );
    process.exitCode = EXIT.actionFailed;
  });
  process.exitCode = await answer(argv, recalled);
  answered = true;
}

function answerTo(error: unknown): number {
  if (error instanceof NotJsonError) {
    const target = error.target === undefined ? {} : { target: error.target };
    const nextStep =
      "Params must be plain JSON: strings, numbers, true, false, null, lists, objects.";
    printFailures([{ reason: "invalid_declaration", message: error.message, nextStep, ...target }]);
    return EXIT.usage;
  }
  const code = errorCode(error);
  if (code === "" || code.startsWith("ERR_")) throw error; // a mistake in aqm: show the whole error
  const { path } = error as NodeJS.ErrnoException;
  printFailures([diskFailure(error, path ?? process.cwd())]);
  return EXIT.actionFailed;
}
