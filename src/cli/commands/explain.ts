import { pythonRoot } from "../../host/code/python-root.ts";
import { layoutOf } from "../../host/disk/layout.ts";
import { opReasons } from "../../host/op-reasons.ts";
import { EXIT, exitCodeOf, type FailureReason } from "../../model/failure.ts";
import { didYouMean } from "../../model/nearest-name.ts";
import type { Arguments } from "../language/arguments.ts";
import { EXPLANATIONS, REASONS } from "../language/explanations.ts";
import { PACKAGE_ROOT, workspaceRoot } from "../session/root.ts";
import { print, printFailures, printJson } from "../terminal/terminal.ts";

export function run(args: Arguments): Promise<number> {
  const asked = args.targets.length === 0 ? REASONS : args.targets;
  const ofOps = asked.every(isReason)
    ? null
    : opReasons(pythonRoot(layoutOf(workspaceRoot(), PACKAGE_ROOT)));
  const unknown = asked.find((code) => !isReason(code) && ofOps?.has(code) !== true);
  if (unknown !== undefined) {
    printFailures([
      {
        reason: "usage",
        message: `There is no reason ${unknown}`,
        nextStep:
          didYouMean(unknown, [...REASONS, ...(ofOps?.keys() ?? [])]) ?? "`aqm explain` lists all.",
      },
    ]);
    return Promise.resolve(EXIT.usage);
  }
  const explained = asked.flatMap((code) =>
    isReason(code)
      ? [explanation(code)]
      : [...(ofOps?.get(code) ?? [])].map((reason) => ({
          ...explanation(reason),
          code,
          what: `A cause that Python ops give of \`${reason}\`: ${EXPLANATIONS[reason].what}`,
        })),
  );
  if (args.flag("json")) printJson(explained);
  else if (args.targets.length === 0) {
    const width = Math.max(...REASONS.map((code) => code.length)) + 2;
    for (const { code, what } of explained) print(`${code.padEnd(width)}${what}`);
    print(
      "\nThe cause that a Python op gives (custom_code, unsafe_path, …) is explained by name, too.",
    );
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

const explanation = (code: FailureReason) => ({
  code: code as string,
  exitCode: exitCodeOf({ reason: code, message: "" }),
  ...EXPLANATIONS[code],
});

const isReason = (code: string): code is FailureReason => Object.hasOwn(EXPLANATIONS, code);
