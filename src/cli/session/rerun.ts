import { join } from "node:path";
import type { Rerun } from "../../execute/rerun.ts";
import { buildGraph } from "../../graph/build-graph.ts";
import type { CheckedFile, Verification } from "../../host/observe/verify.ts";
import { EXIT } from "../../model/failure.ts";
import type { ActionRecord } from "../../model/record.ts";
import { makePlan, type PlannedAction } from "../../plan/plan.ts";
import type { Publication } from "../../ports.ts";
import { causeText } from "../../ui/format.ts";
import type { Arguments } from "../language/arguments.ts";
import type { Session } from "./session.ts";
import { chooseReporter } from "../terminal/terminal.ts";

/** A rerun, or why there was none. */
export type RerunOrReason = Rerun & { readonly reason: string | null };

export interface Rerunnable {
  readonly exitCode: number;
  readonly reruns: readonly RerunOrReason[];
}

/**
 * Runs again what can be compared with its record: the record is of the key that the workspace asks for
 * now, and all inputs are here as recorded.
 */
export async function rerunVerified(
  session: Session,
  verifications: readonly Verification[],
  jobs: number,
  args: Arguments,
): Promise<Rerunnable> {
  const { selection, workspace, gpus, expected } = session;
  await workspace.survey(selection.needed, () => undefined);
  const plan = makePlan(selection, workspace);
  const planned = new Map(plan.actions.map((action) => [action.node.id, action]));
  const reasons = new Map<string, string>();
  const records = new Map<string, ActionRecord>();
  for (const verification of verifications) {
    const action = planned.get(verification.target);
    const record = action === undefined ? null : workspace.record(action.node);
    const reason = whyNot(verification, action);
    if (reason !== null || record === null) reasons.set(verification.target, reason ?? "no record");
    else records.set(verification.target, record);
  }
  const actions = plan.actions.flatMap(({ node }) =>
    records.has(node.id) ? [node.declaration] : [],
  );
  const graph = buildGraph({ actions, defaults: [] });
  if (!graph.ok) throw new Error("a part of a graph is no graph");
  const made = actions.length === 0 ? { exitCode: EXIT.done, reruns: [] } : await run();
  const byTarget = new Map(made.reruns.map((rerun) => [rerun.target, rerun]));
  return {
    exitCode: made.exitCode,
    reruns: verifications
      .filter(({ state }) => state !== "never_built")
      .map(({ target }): RerunOrReason => {
        const {
          state = "not_run",
          differences = [],
          devices = null,
          failure = null,
        } = byTarget.get(target) ?? {};
        const reason =
          reasons.get(target) ?? (state === "not_run" ? "this machine cannot run it" : null);
        return { target, state, differences, devices, failure, reason };
      }),
  };

  async function run(): Promise<{ readonly exitCode: number; readonly reruns: readonly Rerun[] }> {
    if (!graph.ok) throw new Error("checked before");
    const [{ rerun }, { withPorts }, { interruptible }] = await Promise.all([
      import("../../execute/rerun.ts"),
      import("./ports.ts"),
      import("../terminal/interrupt.ts"),
    ]);
    const { signal, dispose } = interruptible();
    const reporter = args.flag("json") ? null : await chooseReporter(undefined);
    const compare = (publication: Publication, role: string): Promise<string | null> =>
      compared(session, records, publication, role);
    try {
      const request = { graph: graph.value, records, compare, jobs, gpus, expected, signal };
      return await withPorts(session, (ports) =>
        rerun(request, ports, (event) => reporter?.report(event)),
      );
    } finally {
      reporter?.close();
      dispose();
    }
  }
}

function whyNot(verification: Verification, action: PlannedAction | undefined): string | null {
  if (verification.key === null) return "it has no record to compare with";
  if (action?.key !== verification.key) {
    const why = action?.causes.map(causeText).join(", ");
    return `it is stale${why ? ` (${why})` : ""}: \`aqm build\` makes it again`;
  }
  const input = verification.inputs.find(({ state }) => state !== "verified");
  return input === undefined ? null : `its input ${input.path} is ${inputText(input)}`;
}

const inputText = ({ state }: CheckedFile): string =>
  state === "absent" ? "not here" : state === "changed" ? "not as recorded" : "unreadable";

/** By digest where the output is not here, else by content. */
async function compared(
  { layout }: Session,
  records: ReadonlyMap<string, ActionRecord>,
  { node, stage }: Publication,
  role: string,
): Promise<string | null> {
  const [{ firstDifference }, { Observer }, { ownStaged }] = await Promise.all([
    import("../../host/observe/compare-outputs.ts"),
    import("../../host/observe/observer.ts"),
    import("../../host/publish/own-staged.ts"),
  ]);
  const output = node.declaration.outputs[role];
  const staged = stage.paths[role];
  if (output === undefined || staged === undefined) throw new Error(`${node.id} has no ${role}`);
  ownStaged(layout.stage, staged); // as when it is published
  if (output.kind === "region") {
    const { digestOfStagedRegion } = await import("../../host/disk/regions.ts");
    const same = digestOfStagedRegion(staged) === records.get(node.id)?.outputs[role]?.digest;
    return same ? null : "its text";
  }
  const look = (root: string, path: string) =>
    new Observer(root, null, null).observe({ path, kind: output.kind });
  const now = await look("", staged.replace(/^\//, ""));
  if (now.state !== "present") throw new Error(`the output ${role} was not written`);
  const recorded = records.get(node.id)?.outputs[role]?.digest;
  if (now.digest === recorded) return null;
  const there = await look(layout.root, output.path);
  if (there.state !== "present" || there.digest !== recorded) return "its digest";
  return (
    (await firstDifference(join(layout.root, output.path), staged, output.kind)) ?? "its digest"
  );
}
