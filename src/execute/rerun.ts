import type { Graph } from "../graph/graph.ts";
import type { EmitEvent } from "../model/event.ts";
import type { Failure } from "../model/failure.ts";
import type { Json } from "../model/json.ts";
import type { ActionRecord } from "../model/record.ts";
import { err, ok } from "../model/result.ts";
import type { Ports, Publication, Workspace } from "../ports.ts";
import { runBuild, type BuildRequest } from "./build.ts";

/** What running an action again gave. */
export interface Rerun {
  readonly target: string;
  readonly state: "same" | "different" | "failed" | "not_run";
  /** Outputs that differ, and where first. */
  readonly differences: readonly { readonly path: string; readonly first: string }[];
  /** What kind of device made the record, and which made it again, where they differ. */
  readonly devices: { readonly recorded: Json; readonly now: Json } | null;
  readonly failure: Failure | null;
}

export interface RerunRequest extends Omit<BuildRequest, "selection" | "keepGoing" | "targets"> {
  /** Exactly the actions to run; what others make counts as source. */
  readonly graph: Graph;
  /** Their records, by target; each has the key that the workspace asks for now. */
  readonly records: ReadonlyMap<string, ActionRecord>;
  /** Where a staged output first differs from the one in the workspace; null when it does not. */
  readonly compare: (publication: Publication, role: string) => Promise<string | null>;
}

/**
 * Runs actions again that need not run, by an ordinary build in a workspace that knows no results and keeps
 * none: where it would publish, what was staged is compared and thrown away.
 */
export async function rerun(
  request: RerunRequest,
  ports: Ports,
  emit: EmitEvent,
): Promise<{ readonly exitCode: number; readonly reruns: readonly Rerun[] }> {
  const { graph, records, compare, ...rest } = request;
  const found = new Map<string, Rerun>();
  const note = (target: string, rerunOf: Partial<Rerun> & Pick<Rerun, "state">): void =>
    void found.set(target, { target, differences: [], devices: null, failure: null, ...rerunOf });
  const workspace = unpublishing(ports.workspace, records, found, async (publication) => {
    const { node, record } = publication;
    const differences: { path: string; first: string }[] = [];
    for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
      const first = await compare(publication, role);
      if (first !== null) differences.push({ path, first });
    }
    const [recorded, now] = [records.get(node.id)?.facts, record.facts].map(
      (facts) => facts?.["device_kind"] ?? null,
    );
    const devices = recorded === now ? null : { recorded: recorded ?? null, now: now ?? null };
    note(node.id, { state: differences.length === 0 ? "same" : "different", differences, devices });
  });
  const all = new Set(graph.actions);
  const { exitCode } = await runBuild(
    {
      ...rest,
      keepGoing: true,
      targets: graph.actions.map(({ id }) => id),
      selection: { requested: all, exact: new Set(), needed: graph.actions, skipped: new Map() },
    },
    { ...ports, workspace },
    (event) => {
      if (event.type === "action_failed")
        note(event.target, { state: "failed", failure: event.failure });
      emit(event);
    },
  );
  const reruns = graph.actions.map(
    ({ id }) =>
      found.get(id) ??
      ({ target: id, state: "not_run", differences: [], devices: null, failure: null } as const),
  );
  return { exitCode, reruns };
}

function unpublishing(
  workspace: Workspace,
  records: ReadonlyMap<string, ActionRecord>,
  done: ReadonlyMap<string, Rerun>,
  look: (publication: Publication) => Promise<void>,
): Workspace {
  return {
    // Nothing has a result until it was made again; then it has the recorded one, which dependent actions read.
    record: (node) => (done.has(node.id) ? (records.get(node.id) ?? null) : null),
    trace: () => null,
    adoptions: () => [],
    learnt: () => null,
    mayLearn: () => false,
    learn: () => Promise.resolve(false),
    kept: () => null,
    regionEdit: () => null, // no region is filled
    regionEdited: () => null,
    restore: (node) =>
      Promise.reject(new Error(`${node.id} was to be restored while it was verified`)),
    publish: async (publication) => {
      try {
        await look(publication);
        const { differences } = done.get(publication.node.id) ?? { differences: [] };
        return ok({ changed: differences.length > 0, kept: [] });
      } catch (error) {
        return err(notCompared(publication.node.id, error));
      } finally {
        await publication.stage.discard();
      }
    },
    everBuilt: (node) => workspace.everBuilt(node),
    observeInput: (input) => workspace.observeInput(input),
    observeOutput: (output) => workspace.observeOutput(output),
    opSource: (node) => workspace.opSource(node),
    environment: (name) => workspace.environment(name),
    unsupported: (node) => workspace.unsupported(node),
    recover: () => workspace.recover(),
    survey: (nodes, progress, signal) => workspace.survey(nodes, progress, signal),
    observeAgain: (input) => workspace.observeAgain(input),
    opChanged: (node) => workspace.opChanged(node),
    stage: (node) => workspace.stage(node),
    partialResults: () => null, // what is verified is measured again from the beginning
    close: () => workspace.close(),
  };
}

const notCompared = (target: string, error: unknown): Failure => ({
  reason: "output_invalid",
  message: `What was made again could not be compared: ${error instanceof Error ? error.message : String(error)}`,
  target,
  nextStep: "Run aqm verify without --rerun first.",
});
