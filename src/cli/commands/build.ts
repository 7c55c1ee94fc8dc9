import * as fs from "node:fs";
import { join } from "node:path";
import type { Focus } from "../../host/focus.ts";
import { graphPath } from "../../host/fresh-snapshot.ts";
import { EXIT } from "../../model/failure.ts";
import type { Plan } from "../../plan/plan.ts";
import { buildSettings, type Arguments } from "../arguments.ts";
import { recall, wrongUsage, type Memory, type Recalled, type Request } from "../recall.ts";
import type { Session } from "../session.ts";
import { chooseReporter, print, printFailures, printJson, standardOutput } from "../terminal.ts";

/** @param recalled what was found out before this module was loaded */
export async function run(args: Arguments, recalled?: Recalled): Promise<number> {
  const wrong = wrongUsage(args);
  if (wrong !== null) {
    printFailures([wrong]);
    return EXIT.usage;
  }
  const { request, memory } = recalled ?? recall(args);
  const focused = memory === null ? null : await focusOf(memory, request);
  const { openSession } = await import("../session.ts");
  const session = await openSession({
    targets: args.targets,
    gpus: args.value("gpus"),
    ...(focused === null ? {} : { focus: focused.focus }),
  });
  if (!session.ok) {
    printFailures(session.error);
    return EXIT.usage;
  }
  const scope = { session: session.value, request, focused };
  return args.flag("dry-run") ? dryRun(scope, args) : build(scope, args);
}

interface Focused extends Memory {
  readonly focus: Focus;
}

async function focusOf(memory: Memory, { state, text }: Request): Promise<Focused | null> {
  if (fs.existsSync(join(state, "build.lock"))) return null; // somebody may be changing more than that
  const { focusOn } = await import("../../host/focus.ts");
  const focus = focusOn(memory.snapshot, memory.changed, graphPath(state, text));
  return focus === null ? null : { ...memory, focus };
}

interface Scope {
  readonly session: Session;
  readonly request: Request;
  readonly focused: Focused | null;
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
    if (outcome.plan !== null && outcome.exitCode === EXIT.done) await remember(scope);
    return outcome.exitCode;
  } finally {
    reporter.close();
    await ports.executor.close();
    dispose();
  }
}

/** Everything is fresh now: the next time only what has changed by then needs to be looked at. */
async function remember({ session, request, focused }: Scope): Promise<void> {
  const { evidence, workspace, selection, aqmfile } = session;
  if (!evidence.complete) return;
  const { renewSnapshot, takeSnapshot } = await import("../../host/snapshot-writer.ts");
  const answer = { root: request.root, state: request.state, request: request.text };
  if (focused !== null) {
    const { snapshot, changed, focus } = focused;
    renewSnapshot(answer, snapshot, changed, focus.touched, evidence);
    return;
  }
  takeSnapshot(
    {
      ...answer,
      nodes: selection.needed,
      exact: selection.exact,
      environments: aqmfile.environments,
      recordPath: (target) => workspace.records.pathOf(target),
    },
    evidence,
  );
}

async function dryRun(scope: Scope, args: Arguments): Promise<number> {
  const { session, focused } = scope;
  const [{ makePlan }, { planCost }, { planJson, planText }] = await Promise.all([
    import("../../plan/plan.ts"),
    import("../../plan/cost.ts"),
    import("../../ui/plan-view.ts"),
  ]);
  await session.workspace.survey(session.selection.needed, () => undefined);
  const plan = makePlan(session.selection, session.workspace);
  await session.workspace.close();
  if (plan.actions.every(({ verdict }) => verdict === "fresh")) await remember(scope);
  const known = planCost(plan, session.expected);
  const cost = { ...known, fresh: known.fresh + (focused?.focus.untouched ?? 0) };
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
