import { EXIT } from "../../model/failure.ts";
import { planCost } from "../../plan/cost.ts";
import { makePlan, type Plan } from "../../plan/plan.ts";
import { planJson, planText } from "../../ui/plan-view.ts";
import type { Arguments } from "../arguments.ts";
import { buildSettings, openSession, realPorts, type Session } from "../session.ts";
import { chooseReporter, print, printFailures, printJson, standardOutput } from "../terminal.ts";

export async function run(args: Arguments): Promise<number> {
  const settings = buildSettings(args);
  if (!settings.ok) {
    printFailures([settings.error]);
    return EXIT.usage;
  }
  const session = await openSession({ targets: args.targets, gpus: args.value("gpus") });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  if (args.flag("dry-run")) return dryRun(session.value, args);
  if (args.flag("check")) {
    printFailures([
      {
        reason: "usage",
        message: "--check only tells something together with --dry-run",
        nextStep: "Write aqm build --dry-run --check.",
      },
    ]);
    return EXIT.usage;
  }
  const reporter = chooseReporter(args.flag("json") ? "json" : args.value("reporter"));
  if (!reporter.ok) {
    printFailures([reporter.error]);
    return EXIT.usage;
  }
  const { runBuild } = await import("../../build/build.ts");
  const { interruptible } = await import("../interrupt.ts");
  const ports = await realPorts(session.value, args.value("python"));
  const { signal, dispose } = interruptible();
  try {
    const { selection, targets, gpus, expected } = session.value;
    const request = { selection, targets, gpus, expected, signal, ...settings.value };
    const outcome = await runBuild(request, ports, reporter.value.report);
    return outcome.exitCode;
  } finally {
    reporter.value.close();
    await ports.executor.close();
    dispose();
  }
}

async function dryRun(session: Session, args: Arguments): Promise<number> {
  await session.workspace.survey(session.selection.needed, () => undefined);
  const plan = makePlan(session.selection, session.workspace);
  await session.workspace.close();
  const cost = planCost(plan, session.expected);
  const exitCode = args.flag("check") ? checkCode(plan) : EXIT.done;
  if (args.flag("json")) printJson(planJson(plan, cost, exitCode));
  else print(planText(plan, cost, standardOutput.colours));
  return exitCode;
}

/** What CI wants to know: is anything stale, does that need a GPU, or can it not be known at all? */
export function checkCode(plan: Plan): number {
  const open = plan.actions.filter(({ verdict }) => verdict !== "fresh");
  const missing = open.some(({ causes }) =>
    causes.some(({ kind }) => kind === "input_missing" || kind === "input_unreadable"),
  );
  if (missing) return EXIT.inputsMissing;
  const gpu = open.some(
    ({ verdict, node }) => verdict !== "restore" && node.declaration.resources.gpu > 0,
  );
  if (gpu) return EXIT.staleGpu;
  return open.length > 0 ? EXIT.staleCheap : EXIT.done;
}
