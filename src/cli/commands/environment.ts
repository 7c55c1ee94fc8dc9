import { EXIT } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import { plainReporter } from "../../ui/plain.ts";
import { NO_COLOURS } from "../../ui/reporter.ts";
import type { Arguments } from "../language/arguments.ts";
import { openSession } from "../session/session.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const session = await openSession({ targets: ["."], python: args.values("python") });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const { layout, aqmfile, interpreters } = session.value;
  const names =
    args.targets.length > 0
      ? args.targets
      : aqmfile.environments.filter(({ large }) => large !== true).map(({ name }) => name);
  const { PythonEnvironments } = await import("../../host/python/python-environment.ts");
  const { interruptible } = await import("../terminal/interrupt.ts");
  const environments = new PythonEnvironments(layout, interpreters);
  // Progress goes to standard error: standard output is the interpreters, for scripts.
  const write = (text: string): void => void process.stderr.write(text);
  const reporter = plainReporter({ write, columns: () => 80, colours: NO_COLOURS }, () =>
    performance.now(),
  );
  const { signal, dispose } = interruptible();
  const prepared: { name: string; python: string }[] = [];
  try {
    for (const name of names) {
      const declaration = aqmfile.environments.find((item) => item.name === name);
      if (declaration === undefined) {
        const known = aqmfile.environments.map((item) => item.name);
        const nextStep = didYouMean(name, known) ?? `It declares: ${known.join(", ")}.`;
        printFailures([
          { reason: "usage", message: `The Aqmfile uses no environment ${name}`, nextStep },
        ]);
        return EXIT.usage;
      }
      const result = await environments.prepare(declaration, reporter.report, signal);
      if (!result.ok) {
        printFailures([result.error]);
        return EXIT.actionFailed;
      }
      prepared.push({ name, python: result.value.python });
    }
  } finally {
    dispose();
  }
  if (args.flag("json")) printJson(prepared);
  else for (const item of prepared) print(item.python);
  return EXIT.done;
}
