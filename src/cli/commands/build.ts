import { plainReporter } from "../../ui/plain.ts";
import * as fs from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../host/disk.ts";
import { readFreshSnapshot } from "../../host/fresh-snapshot.ts";
import { EXIT, type Failure } from "../../model/failure.ts";
import type { Plan } from "../../plan/plan.ts";
import { oneLine } from "../../ui/escape.ts";
import { buildSettings, type Arguments } from "../arguments.ts";
import { fromWorkspaceRoot, PACKAGE_ROOT, workspaceRoot } from "../root.ts";
import type { Session } from "../session.ts";
import {
  chooseReporter,
  isReporterName,
  print,
  printFailures,
  printJson,
  standardOutput,
  unknownReporter,
} from "../terminal.ts";

/** With these, more is wanted than the short answer of a snapshot. */
const LONG_ANSWER = ["json", "python"];

export async function run(args: Arguments): Promise<number> {
  const wrong = wrongUsage(args);
  if (wrong !== null) {
    printFailures([wrong]);
    return EXIT.usage;
  }
  const request = requestOf(args);
  const fresh = LONG_ANSWER.some((name) => args.flag(name) || args.value(name) !== undefined)
    ? null
    : readFreshSnapshot(request.state, request.text);
  if (fresh !== null) return stillFresh(fresh, args);

  const { openSession } = await import("../session.ts");
  const session = await openSession({ targets: args.targets, gpus: args.value("gpus") });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  return args.flag("dry-run")
    ? dryRun(session.value, args, request)
    : build(session.value, args, request);
}

interface Request {
  readonly state: string;
  readonly text: string;
}

/** What a snapshot is for: these targets, this workspace, this aqm. */
function requestOf(args: Arguments): Request {
  const root = workspaceRoot();
  const targets = args.targets.map((target) => fromWorkspaceRoot(target, root));
  const { mtimeMs, ino } = fs.statSync(join(PACKAGE_ROOT, "dist/main.js"));
  return { state: join(root, ".aqm"), text: JSON.stringify([root, targets, mtimeMs, ino]) };
}

function wrongUsage(args: Arguments): Failure | null {
  const settings = buildSettings(args);
  if (!settings.ok) return settings.error;
  if (args.flag("check") && !args.flag("dry-run")) {
    return {
      reason: "usage",
      message: "--check only tells something together with --dry-run",
      nextStep: "Write aqm build --dry-run --check.",
    };
  }
  const reporter = args.value("reporter");
  return reporter === undefined || isReporterName(reporter) ? null : unknownReporter(reporter);
}

function stillFresh(fresh: number, args: Arguments): number {
  if (args.flag("dry-run")) {
    print(`0 to run, ${fresh} fresh`);
    return EXIT.done;
  }
  const reporter =
    args.value("reporter") === "json"
      ? chooseReporter("json")
      : plainReporter(standardOutput, () => performance.now());
  const none = { ran: 0, restored: 0, failed: 0, blocked: 0 };
  const seconds = performance.now() / 1000; // since the process began
  reporter.report({
    type: "build_finished",
    outcome: "done",
    exitCode: EXIT.done,
    fresh,
    seconds,
    ...none,
  });
  return EXIT.done;
}

async function build(session: Session, args: Arguments, request: Request): Promise<number> {
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
      { selection, targets, gpus, expected, signal, ...settings.value },
      ports,
      reporter.report,
    );
    if (session.workspace.storeGrown) {
      const { tidyStore } = await import("../tidy.ts");
      await tidyStore(session.layout, reporter.report, signal);
    }
    if (outcome.plan !== null) await remember(session, outcome.plan, request);
    return outcome.exitCode;
  } finally {
    reporter.close();
    await ports.executor.close();
    dispose();
  }
}

/** So that the next time nothing needs to be loaded, if nothing has changed by then. */
async function remember(
  { evidence }: Session,
  plan: Plan,
  { state, text }: Request,
): Promise<void> {
  if (!evidence.complete || plan.actions.some(({ verdict }) => verdict !== "fresh")) return;
  const { writeFreshSnapshot } = await import("../../host/fresh-snapshot.ts");
  try {
    writeFreshSnapshot(state, text, plan.actions.length, evidence.paths, (path) =>
      evidence.holds(path),
    );
  } catch (error) {
    if (errorCode(error) === "") throw error; // else it is only a cache, on a disk that cannot take it
  }
}

async function dryRun(session: Session, args: Arguments, request: Request): Promise<number> {
  const [{ makePlan }, { planCost }, { planJson, planText }] = await Promise.all([
    import("../../plan/plan.ts"),
    import("../../plan/cost.ts"),
    import("../../ui/plan-view.ts"),
  ]);
  const unfinished = await session.workspace.foresee();
  await session.workspace.survey(session.selection.needed, () => undefined);
  const plan = makePlan(session.selection, session.workspace);
  await session.workspace.close();
  await remember(session, plan, request);
  const cost = planCost(plan, session.expected);
  const exitCode = args.flag("check") ? checkCode(plan) : EXIT.done;
  if (args.flag("json")) printJson({ ...planJson(plan, cost, exitCode), unfinished });
  else {
    for (const target of unfinished) print(unfinishedText(target));
    print(planText(plan, cost, standardOutput.colours));
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
