import type { BuildOutcome, BuildRequest } from "../../execute/build.ts";
import type { EmitEvent } from "../../model/event.ts";
import { EXIT } from "../../model/failure.ts";
import type { Verdict } from "../../model/verdict.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Ports } from "../../ports.ts";
import { oneLine } from "../../ui/escape.ts";
import type { Reporter } from "../../ui/reporter.ts";
import { buildSettings, executorOf, type Arguments } from "../language/arguments.ts";
import { recall, wrongUsage, type Recalled } from "../session/recall.ts";
import { openScope, remember, skippedIn, type Scope } from "../session/scope.ts";
import type { Session } from "../session/session.ts";
import type { Cell } from "../session/variation.ts";
import { cellsJson, Outcomes } from "../views/cells.ts";
import {
  chooseReporter,
  print,
  printFailures,
  printJson,
  standardOutput,
} from "../terminal/terminal.ts";

/** @param recalled what was found out before this module was loaded */
export async function run(args: Arguments, recalled?: Recalled): Promise<number> {
  const wrong = wrongUsage(args);
  if (wrong !== null) {
    printFailures([wrong]);
    return EXIT.usage;
  }
  const scope = await openScope(recalled ?? recall(args), args, {
    gpus: args.value("gpus"),
    python: args.values("python"),
    force: args.flag("force"),
    executor: executorOf(args),
  });
  if (!scope.ok) {
    printFailures(scope.error);
    return EXIT.usage;
  }
  return perform(scope.value, args);
}

/** Builds, or says what a build would do; then shows the cells, if there are any. */
export async function perform(scope: Scope, args: Arguments): Promise<number> {
  if (args.flag("dry-run")) return dryRun(scope, args);
  const { cells } = scope.session;
  const outcomes = new Outcomes();
  const asked = args.flag("json") ? "json" : args.value("reporter");
  const reporter = await chooseReporter(asked, args.flag("verbose"));
  const watch = cells.length > 0 ? outcomes.watch : (): void => undefined;
  const { exitCode } = await buildWith(scope, args, reporter, watch);
  if (cells.length === 0) return exitCode;
  if (asked === "json") reporter.report({ type: "cells", cells: cellsJson(cells, outcomes) });
  else await printCells(cells, outcomes);
  return exitCode;
}

/** Builds, shows it by a reporter, which is closed then, and tells `watch` all that happens. */
export async function buildWith(
  scope: Scope,
  args: Arguments,
  reporter: Reporter,
  watch: EmitEvent,
  options: Pick<Partial<BuildRequest>, "keepGoing"> = {},
): Promise<BuildOutcome> {
  const { session, focused } = scope;
  const { withPorts } = await import("../session/ports.ts");
  const { elsewhereOf } = await import("../session/elsewhere.ts");
  const { runBuild } = await import("../../execute/build.ts");
  const { interruptible } = await import("../terminal/interrupt.ts");
  const settings = buildSettings(args);
  if (!settings.ok) throw new Error("checked before");
  const { signal, dispose } = interruptible();
  const emit: EmitEvent = (event) => {
    reporter.report(event);
    watch(event);
    const said = event.type === "planned" ? leftOutOf(session, event.actions) : null;
    if (said !== null) reporter.report({ type: "notice", message: said });
  };
  try {
    const { selection, targets, gpus, gpusAlike, expected } = session;
    const request: BuildRequest = {
      selection,
      targets,
      gpus,
      gpusAlike,
      expected,
      signal,
      untouched: focused?.focus.untouched ?? 0,
      skipped: skippedIn(scope),
      elsewhere: elsewhereOf(session),
      ...settings.value,
      ...options,
    };
    const build = (ports: Ports): Promise<BuildOutcome> => runBuild(request, ports, emit);
    const outcome = await withPorts(session, build, args.flag("detach"));
    if (session.workspace.shared !== null) {
      const { finishUploads } = await import("../session/uploads.ts");
      await finishUploads(session.workspace.shared, emit, signal);
    }
    if (session.workspace.storeGrown || session.workspace.partialsGrown) {
      const { tidyStore } = await import("../session/tidy.ts");
      await tidyStore(session.layout, session.workspace, reporter.report, signal);
    }
    if (outcome.plan !== null && outcome.exitCode === EXIT.done) remember(scope, outcome.plan);
    return outcome;
  } finally {
    reporter.close();
    dispose();
  }
}

async function dryRun(scope: Scope, args: Arguments): Promise<number> {
  const { exitCode, data, show } = await answerOfDryRun(scope, args);
  if (args.flag("json")) printJson(data());
  else await show();
  return exitCode;
}

/** What a build would do and cost, to be shown or as data. */
export async function answerOfDryRun(
  scope: Scope,
  args: Arguments,
): Promise<{
  readonly exitCode: number;
  readonly data: () => object;
  readonly show: () => Promise<void>;
}> {
  const { session, focused } = scope;
  const [
    { foresee },
    { planCost, widthOf, withCluster },
    { overBudget },
    { planJson, planText },
    { elsewhereOf },
  ] = await Promise.all([
    import("../session/foresee.ts"),
    import("../../plan/cost.ts"),
    import("../../plan/budget.ts"),
    import("../../ui/plan-view.ts"),
    import("../session/elsewhere.ts"),
  ]);
  const { plan, unfinished, notices: foreseen } = await foresee(session);
  const planned = plan.actions.map(({ node, verdict }) => {
    return { verdict, gpu: node.declaration.resources.gpu > 0 };
  });
  const notices = [...foreseen, leftOutOf(session, planned)].filter((notice) => notice !== null);
  if (plan.actions.every(({ verdict }) => verdict === "fresh")) remember(scope, plan);
  const settings = buildSettings(args);
  if (!settings.ok) throw new Error("checked before");
  const { jobs, maxGpuHours } = settings.value;
  const width = withCluster(widthOf(jobs, session), elsewhereOf(session));
  const known = planCost(plan, session.expected, width);
  const cost = { ...known, fresh: known.fresh + (focused?.focus.untouched ?? 0) };
  const refused = maxGpuHours === undefined ? null : overBudget(cost, maxGpuHours);
  const exitCode =
    refused !== null ? EXIT.overBudget : args.flag("check") ? checkCode(plan) : EXIT.done;
  const { cells } = session;
  const outcomes = new Outcomes(plan);
  return {
    exitCode,
    data: () => {
      const varied = cells.length === 0 ? {} : { cells: cellsJson(cells, outcomes) };
      const json = planJson(plan, cost, exitCode, session.selection.skipped);
      return { ...json, unfinished, notices, ...varied };
    },
    show: async () => {
      for (const target of unfinished) print(unfinishedText(target));
      for (const notice of notices) print(`notice   ${oneLine(notice)}`);
      const options = { skipped: skippedIn(scope), verbose: args.flag("verbose") };
      print(planText(plan, cost, standardOutput.colours, options));
      if (cells.length > 0) await printCells(cells, outcomes);
      if (refused !== null) printFailures([refused]);
    },
  };
}

async function printCells(cells: readonly Cell[], outcomes: Outcomes): Promise<void> {
  const { cellsText } = await import("../views/cells-table.ts");
  print(cellsText(cells, outcomes, standardOutput.colours));
}

/** What is to be said of devices that are not used, where some are. */
const leftOutOf = (
  { leftOut }: Session,
  actions: readonly { readonly verdict: Verdict; readonly gpu: boolean }[],
): string | null =>
  actions.some(({ verdict, gpu }) => gpu && (verdict === "run" || verdict === "unknown"))
    ? leftOut
    : null;

const unfinishedText = (target: string): string =>
  `notice   publishing ${oneLine(target)} was interrupted: a build finishes it first, as this plan supposes`;

/** Causes for which an input is not what a build could start from. */
const UNUSABLE: ReadonlySet<string> = new Set(["input_missing", "input_unreadable", "input_unfit"]);

/** What CI wants to know: is anything stale, does that need a GPU, or can it not be known at all? */
export function checkCode(plan: Plan): number {
  const open = plan.actions.filter(({ verdict }) => verdict !== "fresh");
  const missing = open.some(({ causes }) => causes.some(({ kind }) => UNUSABLE.has(kind)));
  if (missing) return EXIT.inputsMissing;
  const gpu = open.some(
    ({ verdict, node }) => verdict !== "restore" && node.declaration.resources.gpu > 0,
  );
  if (gpu) return EXIT.staleGpu;
  return open.length > 0 ? EXIT.staleCheap : EXIT.done;
}
