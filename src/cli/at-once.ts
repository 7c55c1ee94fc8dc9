import type { SnapshotHeader } from "../host/snapshot/fresh-snapshot.ts";
import { EXIT } from "../model/failure.ts";
import { skippedText } from "../ui/format.ts";
import { jsonReporter } from "../ui/json.ts";
import { plainReporter } from "../ui/plain.ts";
import type { Output } from "../ui/reporter.ts";
import { parseArguments, type Arguments } from "./language/arguments.ts";
import { COMMANDS } from "./language/commands.ts";
import { recall, wrongUsage, type Recalled } from "./session/recall.ts";
import { isGone, sayUnwritten } from "./terminal/ending.ts";
import { briefOutput, standardOutput } from "./terminal/terminal.ts";

/**
 * The commonest answer of all, that nothing has changed, without loading the rest of aqm. This is bundled
 * into one CommonJS file, because starting Node's module loader alone takes as long as all of this.
 *
 * @param output says where an answer goes; it is asked only when there is one
 * @returns true when the question is answered; else what was found out, for the whole program
 */
export function answerAtOnce(
  argv: readonly string[],
  output: () => Output = quickestOutput,
): true | Recalled | undefined {
  try {
    return answer(argv, output);
  } catch {
    return undefined; // the whole program meets it again and says what it is
  }
}

function answer(
  [command, ...rest]: readonly string[],
  output: () => Output,
): true | Recalled | undefined {
  const spec = COMMANDS.find(({ name }) => name === "build");
  if (command !== "build" || spec === undefined) return undefined;
  const args = parseArguments(spec, rest);
  if (!args.ok || args.value.flag("help") || wrongUsage(args.value) !== null) return undefined;
  const recalled = recall(args.value);
  if (recalled.memory?.changed.length !== 0) return recalled;
  sayStillFresh(recalled.memory.snapshot.header, args.value, output());
  return true;
}

const quickestOutput = (): Output => briefOutput() ?? nodesOutput();

function nodesOutput(): Output {
  // A reader that went away is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (isGone(error)) return;
    sayUnwritten(error);
    process.exitCode = EXIT.actionFailed;
  });
  return standardOutput;
}

function sayStillFresh(
  { actions: fresh, skipped }: SnapshotHeader,
  args: Arguments,
  output: Output,
): void {
  if (args.flag("dry-run")) {
    for (const group of skipped) output.write(`${output.colours.dim(skippedText(group))}\n`);
    output.write(`0 to run, ${fresh} fresh\n`);
    return;
  }
  const make = args.value("reporter") === "json" ? jsonReporter : plainReporter;
  const reporter = make(output, () => performance.now());
  if (skipped.length > 0) reporter.report({ type: "skipped", groups: skipped });
  const none = { ran: 0, restored: 0, shared: 0, failed: 0, blocked: 0 };
  const seconds = performance.now() / 1000; // since the process began
  reporter.report({
    type: "build_finished",
    outcome: "done",
    exitCode: EXIT.done,
    fresh,
    seconds,
    gpu: null,
    ...none,
  });
}
