import { EXIT } from "../../model/failure.ts";
import type { Plan } from "../../plan/plan.ts";
import { oneLine } from "../../ui/escape.ts";
import { buildSettings, type Arguments } from "../arguments.ts";
import { recall, wrongUsage, type Recalled } from "../recall.ts";
import { openScope, remember, type Scope } from "../scope.ts";
import { chooseReporter, print, printFailures, printJson, standardOutput } from "../terminal.ts";

/** @param recalled what was found out before this module was loaded */
export async function run(args: Arguments, recalled?: Recalled): Promise<number> {
  const wrong = wrongUsage(args);
  if (wrong !== null) {
    printFailures([wrong]);
    return EXIT.usage;
  }
  const scope = await openScope(recalled ?? recall(args), {
    targets: args.targets,
    gpus: args.value("gpus"),
  });
  if (!scope.ok) {
    printFailures(scope.error);
    return EXIT.usage;
  }
  return args.flag("dry-run") ? dryRun(scope.value, args) : build(scope.value, args);
}

async function build(scope: Scope, args: Arguments): Promise<number> {
  const { session, focused } = scope;
  const { realPorts } = await import("../session.ts");
  const { runBuild } = await import("../../build/build.ts");
  const { interruptible } = await import("../interrupt.ts");
  const settings = buildSettings(args);
  if (!settings.ok) throw new Error("checked before");
  const reporter = chooseReporter(args.flag("json") ? "json" : args.value("reporter"));
  const ports = await realPorts(session, args.value("python"));
  const { signal, dispose } = interruptible();
  try {
    const { selection, targets, gpus, expected } = session;
    const outcome = await runBuild(
      {
        selection,
        targets,
        gpus,
        expected,
        signal,
        untouched: focused?.focus.untouched ?? 0,
        ...settings.value,
      },
      ports,
      reporter.report,
    );
    if (session.workspace.storeGrown) {
      const { tidyStore } = await import("../tidy.ts");
      await tidyStore(session.layout, reporter.report, signal);
    }
    if (outcome.plan !== null && outcome.exitCode === EXIT.done) remember(scope);
    return outcome.exitCode;
  } finally {
    reporter.close();
    await ports.executor.close();
    dispose();
  }
}

async function dryRun(scope: Scope, args: Arguments): Promise<number> {
  const { session, focused } = scope;
  const [{ makePlan }, { planCost }, { overBudget }, { planJson, planText }] = await Promise.all([
    import("../../plan/plan.ts"),
    import("../../plan/cost.ts"),
    import("../../plan/budget.ts"),
    import("../../ui/plan-view.ts"),
  ]);
  const unfinished = await session.workspace.foresee();
  await session.workspace.survey(session.selection.needed, () => undefined);
  const plan = makePlan(session.selection, session.workspace);
  await session.workspace.close();
  if (plan.actions.every(({ verdict }) => verdict === "fresh")) remember(scope);
  const settings = buildSettings(args);
  if (!settings.ok) throw new Error("checked before");
  const { jobs, maxGpuHours } = settings.value;
  const known = planCost(plan, session.expected, { jobs, gpus: session.gpus.length });
  const cost = { ...known, fresh: known.fresh + (focused?.focus.untouched ?? 0) };
  const refused = maxGpuHours === undefined ? null : overBudget(cost, maxGpuHours);
  const exitCode =
    refused !== null ? EXIT.overBudget : args.flag("check") ? checkCode(plan) : EXIT.done;
  if (args.flag("json")) printJson({ ...planJson(plan, cost, exitCode), unfinished });
  else {
    for (const target of unfinished) print(unfinishedText(target));
    print(planText(plan, cost, standardOutput.colours));
    if (refused !== null) printFailures([refused]);
  }
  return exitCode;
}

const unfinishedText = (target: string): string =>
  `notice   publishing ${oneLine(target)} was interrupted: a build finishes it first, as this plan supposes`;

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
