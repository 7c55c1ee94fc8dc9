import { EXIT, exitCodeOf, type FailureReason } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { Arguments } from "../language/arguments.ts";
import { EXPLANATIONS, REASONS } from "../language/explanations.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

export function run(args: Arguments): Promise<number> {
  const unknown = args.targets.find((code) => !isReason(code));
  if (unknown !== undefined) {
    printFailures([
      {
        reason: "usage",
        message: `There is no reason ${unknown}`,
        nextStep: didYouMean(unknown, REASONS) ?? "`aqm explain` lists all.",
      },
    ]);
    return Promise.resolve(EXIT.usage);
  }
  const asked = args.targets.length === 0 ? REASONS : args.targets.filter(isReason);
  const explained = asked.map((code) => ({
    code,
    exitCode: exitCodeOf({ reason: code, message: "" }),
    ...EXPLANATIONS[code],
  }));
  if (args.flag("json")) printJson(explained);
  else if (args.targets.length === 0) {
    const width = Math.max(...REASONS.map((code) => code.length)) + 2;
    for (const { code, what } of explained) print(`${code.padEnd(width)}${what}`);
  } else {
    const texts = explained.map(({ code, exitCode, what, cause, next }) =>
      [
        `${code} (exit code ${exitCode})`,
        `  what    ${what}`,
        `  cause   ${cause}`,
        `  next    ${next}`,
      ].join("\n"),
    );
    print(texts.join("\n\n"));
  }
  return Promise.resolve(EXIT.done);
}

const isReason = (code: string): code is FailureReason => Object.hasOwn(EXPLANATIONS, code);
