import { health, type Finding } from "../../host/health.ts";
import { layoutOf } from "../../host/disk/layout.ts";
import { EXIT } from "../../model/failure.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Arguments } from "../language/arguments.ts";
import { PACKAGE_ROOT, workspaceRoot } from "../session/root.ts";
import { print, printJson } from "../terminal/terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const findings = await health(layoutOf(workspaceRoot(), PACKAGE_ROOT));
  const problems = findings.filter(({ state }) => state === "problem");
  if (args.flag("json")) printJson({ problems: problems.length, findings });
  else {
    const width = Math.max(...findings.map(({ check }) => check.length)) + 2;
    for (const finding of findings) print(lineOf(finding, width));
    print(
      problems.length === 0
        ? "\nno problem"
        : `\n${problems.length} ${problems.length === 1 ? "problem" : "problems"}`,
    );
  }
  return problems.length === 0 ? EXIT.done : EXIT.actionFailed;
}

function lineOf({ check, state, found, mend }: Finding, width: number): string {
  const line = `${state.padEnd(9)}${check.padEnd(width)}${oneLine(found)}`;
  const shows = mend !== undefined;
  return shows ? `${line}\n${" ".repeat(9)}${"".padEnd(width)}mend: ${oneLine(mend)}` : line;
}
