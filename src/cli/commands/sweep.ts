import { EXIT } from "../../model/failure.ts";
import { executorOf, type Arguments } from "../language/arguments.ts";
import { layoutOf } from "../language/asked-variation.ts";
import { wrongUsage } from "../session/recall.ts";
import { openSession } from "../session/session.ts";
import { printFailures } from "../terminal/terminal.ts";
import { perform } from "./build.ts";

/**
 * A term begins with a sign, or is a name before an =: words with dots between them, and an option after a slash.
 * `\\` keeps any letter in a word.
 */
const WORD = String.raw`(?:[^\s\\./=]|\\.)+`;
const TERM = new RegExp(`^(?:[+~]|\\w[\\w-]*(?:/${WORD})?(?:\\.${WORD})*=)`);

export async function run(args: Arguments): Promise<number> {
  const wrong = wrongUsage(args);
  const layout = layoutOf(args);
  const isTerm = (text: string): boolean => TERM.test(text);
  const terms = args.targets.filter(isTerm);
  if (wrong !== null || !layout.ok || terms.length === 0) {
    printFailures([wrong ?? nothingToSweep]);
    return EXIT.usage;
  }
  const session = await openSession({
    targets: args.targets.filter((text) => !isTerm(text)),
    gpus: args.value("gpus"),
    python: args.values("python"),
    force: args.flag("force"),
    executor: executorOf(args),
    variation: { terms, many: true, layout: layout.value },
  });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  return perform({ session: session.value, request: null, focused: null }, args);
}

const nothingToSweep = {
  reason: "usage",
  message: "aqm sweep needs something to sweep over",
  nextStep:
    "Write for example: aqm sweep axis=a,b group.key=1,2. A target with a = in it is written ./like=this.",
} as const;
