import { basename, dirname, join } from "node:path";
import type { ActionNode } from "../../graph/graph.ts";
import type { ExecutionMember, ExecutionRequest } from "../../ports.ts";
import type { OpSources } from "../code/op-sources.ts";
import { pythonRoot } from "../code/python-root.ts";
import { disk, readTextIfExists } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { statsOfReads } from "../partial/partial-results.ts";
import type { FoundEnvironment } from "../python/op-environments.ts";
import { neededOf } from "../python/preparations.ts";
import { environmentElsewhere, moduleArguments } from "../python/runner-environment.ts";
import { runnerRequest } from "../python/runner/runner-request.ts";
import { digestOfBytes, hexOf, type Digest } from "../../model/digest.ts";
import type { JobFolder, SubmittedMember } from "./job-folder.ts";
import { environmentFile, runScript } from "./job-script.ts";

export interface JobContext {
  readonly layout: Layout;
  readonly opSources: OpSources;
}

/** What a member reads, as it looks now: a job that was submitted before any of it changed still counts. */
export const readsOf = (node: ActionNode, { layout, opSources }: JobContext): Digest => {
  const inputs = node.inputs.map(({ path, kind }) => ({ path, kind }));
  return statsOfReads(layout, { inputs, code: opSources.filesOf(node) }).signature;
};

/**
 * Writes down all that a job needs, before it is submitted: request, variables, script and who its members are.
 *
 * @param log absolute path of the log of what the op prints
 */
export function writeJob(
  folder: JobFolder,
  request: Pick<ExecutionRequest, "members" | "lease">,
  { declared, prepared }: FoundEnvironment,
  limit: { readonly minutes: number; readonly isLongest: boolean },
  log: string,
  context: JobContext,
): void {
  const { layout, opSources } = context;
  folder.make();
  const members = request.members.map((member, at) => ({
    ...member,
    stage: { ...member.stage, paths: outputPaths(folder, member, at) },
  }));
  const job = runnerRequest({ ...request, members }, log, { root: layout.root, opSources });
  disk.write(folder.file("request.json"), `${JSON.stringify(job)}\n`);
  const variables = environmentElsewhere(layout, prepared, declared);
  disk.writeSecret(folder.file("environment"), environmentFile(variables));
  const usesGpu = job.device === "cuda";
  const { prepare, caches = {} } = declared;
  const needs = neededOf(request.members.map(({ node }) => node));
  const isPrepared = prepare !== undefined && needs?.length !== 0 && (usesGpu || !prepare.gpu);
  const script = runScript({
    folder: folder.path,
    workspace: layout.root,
    usesGpu,
    command: [prepared.python, ...moduleArguments(layout, "aqm_runner")],
    prepare: isPrepared
      ? {
          command: [prepared.python, ...moduleArguments(layout, prepare.module, ...(needs ?? []))],
          stamp: stampOf(layout, prepare.module, needs, prepared.python),
        }
      : null,
    cache: prepared.cache,
    caches,
  });
  disk.write(folder.file("run.sh"), script);
  folder.writeSubmission({
    schema: 1,
    name: folder.name,
    minutes: limit.minutes,
    isLongest: limit.isLongest,
    members: members.map(({ node, key, stage }): SubmittedMember => ({
      target: node.id,
      key,
      reads: readsOf(node, context),
      outputs: stage.paths,
    })),
  });
}

/** One folder for each output; an output is called there as it is called in the workspace, since ops look at names. */
function outputPaths(
  folder: JobFolder,
  { node }: ExecutionMember,
  at: number,
): Readonly<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const [role, { path }] of Object.entries(node.declaration.outputs)) {
    const output = join(folder.file("outputs"), String(at), role, basename(path));
    disk.makeFolder(dirname(output));
    paths[role] = output;
  }
  return paths;
}

/** The same preparation by the same interpreter is done once on each kind of machine. */
function stampOf(
  layout: Layout,
  module: string,
  needs: readonly string[] | null,
  python: string,
): string {
  const source = join(pythonRoot(layout), `${module.replaceAll(".", "/")}.py`);
  const of = `${[module, ...(needs ?? [])].join(" ")}\0${python}\0${readTextIfExists(source) ?? ""}`;
  return `prepared-for-jobs-${hexOf(digestOfBytes(of)).slice(0, 16)}`;
}
