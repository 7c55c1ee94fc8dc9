import { join } from "node:path";
import type { ActionNode, Graph } from "../../graph/graph.ts";
import { select, type Selection } from "../../graph/select.ts";
import type { LoadedAqmfile } from "../../host/aqmfile/aqmfile.ts";
import { withCompiledFolder } from "../../host/code/compiled-folder.ts";
import { builtGrounds, Grounds } from "../../host/evidence/built-grounds.ts";
import { Evidence } from "../../host/evidence/evidence.ts";
import type { Focus } from "../../host/snapshot/focus.ts";
import { areAlike, namedGpus, ofOneKind, visibleGpus, type UsedGpus } from "../../host/gpu/gpus.ts";
import { layoutOf, type Layout } from "../../host/disk/layout.ts";
import { localOffers, thisMachine, type LocalOffers } from "../../host/machine.ts";
import { slurmOffer } from "../../host/slurm/settings.ts";
import { OpSources } from "../../host/code/op-sources.ts";
import { modulePath } from "../../host/code/source-name.ts";
import type { Warmth } from "../../host/aqmfile/warmth.ts";
import type { SharedResults } from "../../host/cache/shared-results.ts";
import { DiskWorkspace } from "../../host/workspace.ts";
import type { EnvironmentDeclaration } from "../../model/declaration.ts";
import type { Failure } from "../../model/failure.ts";
import type { ActionRecord, EnvironmentDescription } from "../../model/record.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { SharedCacheDeclaration } from "../../model/shared-cache.ts";
import type { ExecutorChoice } from "../../model/slurm.ts";
import { estimateFrom, inputBytes, type EstimateCost } from "../../plan/estimate.ts";
import { takerOf, type Offer } from "../../plan/offer.ts";
import { describeEnvironment } from "../../host/python/environment-lock.ts";
import {
  interpretersIn,
  namedInterpreters,
  NO_INTERPRETERS,
  type NamedInterpreters,
} from "../../host/python/named-interpreters.ts";
import type { Variation } from "../language/asked-variation.ts";
import { globMatcher } from "../language/glob.ts";
import { allFromWorkspaceRoot, PACKAGE_ROOT, workspaceRoot } from "./root.ts";
import type { Cell, Find } from "./variation.ts";

/** Of all executors; that of the cluster comes before that of this machine. */
export interface Offers extends LocalOffers {
  readonly slurm: Offer;
}

/** Everything that a command needs, wired to the real world. */
export interface Session {
  readonly layout: Layout;
  readonly aqmfile: LoadedAqmfile;
  readonly selection: Selection;
  readonly targets: readonly string[];
  /** The combinations that a variation asks for; none for a plain request. */
  readonly cells: readonly Cell[];
  /** The actions that words of the command line stand for, under the same overrides. */
  readonly find: Find;
  /** Actions that publish below `tmp/` because of overrides or a layout; null for a plain request. */
  readonly relocated: ReadonlySet<ActionNode> | null;
  readonly workspace: DiskWorkspace;
  /** All that the session has looked at. */
  readonly evidence: Evidence;
  readonly opSources: OpSources;
  readonly gpus: readonly string[];
  /** Whether these are of one kind. */
  readonly gpusAlike: boolean;
  /** What is to be said of devices that are not used, where one is; null where all are. */
  readonly leftOut: string | null;
  /** Which Python the user named for which environment. */
  readonly interpreters: NamedInterpreters;
  readonly offers: Offers;
  readonly expected: EstimateCost;
}

export interface SessionOptions {
  readonly targets: readonly string[];
  readonly gpus?: string | undefined;
  /** What --python was given, of a command that has it; AQM_PYTHON counts where that is nothing. */
  readonly python?: readonly string[];
  /** Only this part of the graph; the Aqmfile is not loaded then. */
  readonly focus?: Focus;
  /** Overrides of configs, coordinates of targets; null or absent for the Aqmfile as it is. */
  readonly variation?: Variation | null;
  /** Targets that run although they are fresh, beside those that are asked for. */
  readonly rerun?: readonly string[];
  /** Fill regions even where somebody edited them. */
  readonly force?: boolean;
  /** Whose jobs go to a cluster; none, if not said. */
  readonly executor?: ExecutorChoice;
  /** Another workspace than the one around the current folder. */
  readonly layout?: Layout;
  /** Of a process that opens sessions again and again. */
  readonly warmth?: Warmth;
  /** What such a process has learnt from the shared cache. */
  readonly shared?: SharedResults | null;
}

export async function openSession(
  options: SessionOptions,
): Promise<Result<Session, readonly Failure[]>> {
  const layout = withCompiledFolder(options.layout ?? layoutOf(workspaceRoot(), PACKAGE_ROOT));
  const evidence = new Evidence();
  const { rerun = [] } = options;
  const asked = allFromWorkspaceRoot([...options.targets, ...rerun], layout.root);
  if (!asked.ok) return asked;
  const targets = asked.value;
  const scope =
    options.focus === undefined
      ? await wholeScope(layout, targets, options, evidence)
      : ok({ ...options.focus, ...plain(options.focus.aqmfile.graph) });
  if (!scope.ok) return scope;
  const { aqmfile, cells, relocated } = scope.value;
  const find: Find = async (words) => {
    const paths = allFromWorkspaceRoot(words, layout.root);
    return paths.ok ? scope.value.find(paths.value) : paths;
  };
  const again = rerun.length === 0 ? null : await find(rerun);
  if (again?.ok === false) return again;
  const selection =
    again === null ? scope.value.selection : { ...scope.value.selection, rerun: again.value };

  const interpreters = interpretersOf(options.python, aqmfile.environments);
  if (!interpreters.ok) return err([interpreters.error]);
  const opSources = new OpSources(layout, evidence, options.warmth?.bundler.bundle ?? null);
  const resolved = await opSources.resolve(selection.needed);
  if (!resolved.ok) return err([resolved.error]);
  const described = describeEnvironments(layout, aqmfile.environments, selection.needed, evidence);
  if (!described.ok) return err([described.error]);
  if (options.focus === undefined) {
    const grounds = groundsOf(layout, aqmfile, opSources, evidence);
    const replaced = builtGrounds(layout.root, aqmfile.graph, grounds, evidence);
    if (replaced.length > 0) {
      // Once more, so that each output is said with its line.
      const located = await wholeScope(layout, targets, options, evidence, grounds);
      return located.ok ? err(replaced) : located;
    }
  }
  const devices = devicesFor(options.gpus);
  if (!devices.ok) return err([devices.error]);
  const { gpus, leftOut } = devices.value;
  const offers = {
    ...localOffers(thisMachine(gpus)),
    slurm: slurmOffer(aqmfile.slurm, options.executor ?? "local"),
  };
  const shared = await sharedResults(layout, aqmfile.cache, options.shared ?? null);
  if (!shared.ok) return err([shared.error]);
  const workspace = new DiskWorkspace({
    layout,
    evidence,
    shared: shared.value,
    force: options.force ?? false,
    opSource: (node) => opSources.of(node),
    opChanged: (node) => opSources.changed(node),
    opFiles: (node) => opSources.filesOf(node),
    environment: (name) => {
      const environment = described.value.get(name);
      if (environment === undefined) throw new Error(`the environment ${name} was not declared`);
      return environment;
    },
    unsupported: ({ declaration }) => {
      const taker = takerOf(declaration, [offers.typescript, offers.slurm, offers.python]);
      return taker.ok ? null : taker.error;
    },
  });
  const expected = estimateFrom({
    record: (node) => workspace.record(node),
    runs: () => knownRuns(workspace, selection.needed),
    inputBytes: (node) => inputBytes(node, workspace),
  });
  return ok({
    layout,
    aqmfile,
    selection,
    targets,
    cells,
    relocated,
    find,
    workspace,
    evidence,
    opSources,
    gpus,
    gpusAlike: areAlike(gpus),
    leftOut,
    interpreters: interpreters.value,
    offers,
    expected,
  });
}

/** All that decides what is built; of ops that are not asked for only what is known anyway. */
function groundsOf(
  layout: Layout,
  { graph, environments, adopters, comparers, files }: LoadedAqmfile,
  opSources: OpSources,
  evidence: Evidence,
): Grounds {
  const modules = [...adopters, ...comparers].map((name) => modulePath(layout, name));
  const locks = environments.flatMap(({ lock, requirements }) => [lock, requirements]);
  return new Grounds(evidence, [
    ...files,
    ...modules,
    ...locks.map((path) => join(layout.root, path)),
    ...opSources.groundsOf(graph.actions),
  ]);
}

/** Who names devices has chosen; else they are of one kind. */
function devicesFor(named: string | undefined): Result<UsedGpus, Failure> {
  if (named === undefined) return ok(ofOneKind(visibleGpus()));
  const gpus = namedGpus(named);
  return gpus.ok ? ok({ gpus: gpus.value, leftOut: null }) : gpus;
}

/** What the user named: by options, else by the variable. */
function interpretersOf(
  given: readonly string[] | undefined,
  environments: readonly EnvironmentDeclaration[],
): Result<NamedInterpreters, Failure> {
  if (given === undefined) return ok(NO_INTERPRETERS);
  const names = environments.map(({ name }) => name);
  if (given.length > 0) return namedInterpreters(given, names);
  return namedInterpreters(interpretersIn(process.env["AQM_PYTHON"] ?? ""), names, "AQM_PYTHON");
}

/** What is shared with other workspaces: loaded only where something is. */
async function sharedResults(
  layout: Layout,
  declared: SharedCacheDeclaration | null,
  last: SharedResults | null,
): Promise<Result<SharedResults | null, Failure>> {
  const { AQM_CACHE_SHARED: named = "" } = process.env;
  if (declared === null && named === "") return ok(null);
  const { chosenCache, openSharedResults, textOf } =
    await import("../../host/cache/chosen-cache.ts");
  const chosen = chosenCache(declared, process.env);
  if (!chosen.ok) return chosen;
  if (chosen.value !== null && last?.chosen === textOf(chosen.value)) return ok(last);
  return ok(chosen.value === null ? null : openSharedResults(chosen.value, layout, process.env));
}

/** All that ever ran here, and what a clone knows from others. */
function knownRuns(
  workspace: DiskWorkspace,
  nodes: readonly ActionNode[],
): readonly ActionRecord[] {
  const here = workspace.history.all();
  const known = new Set(here.map(({ target, key }) => `${target} ${key}`));
  const recorded = nodes.flatMap((node) => workspace.record(node) ?? []);
  return [...here, ...recorded.filter(({ target, key }) => !known.has(`${target} ${key}`))];
}

type Scoped = "aqmfile" | "selection" | "cells" | "find" | "relocated";

/** The graph of the Aqmfile, and the requested part. */
async function wholeScope(
  layout: Layout,
  targets: readonly string[],
  { variation = null, warmth }: SessionOptions,
  evidence: Evidence,
  grounds: Grounds | null = null,
): Promise<Result<Pick<Session, Scoped>, readonly Failure[]>> {
  if (variation !== null) {
    const { openVariation } = await import("./variation.ts");
    return openVariation(layout, variation, targets, evidence, { grounds, warmth: warmth ?? null });
  }
  const { loadAqmfile } = await import("../../host/aqmfile/aqmfile.ts");
  const aqmfile = await loadAqmfile(layout, evidence, { warmth: warmth ?? null, grounds });
  if (!aqmfile.ok) return aqmfile;
  const { graph } = aqmfile.value;
  const selection = select(graph, targets, await globMatcher([...targets, ...graph.defaults]));
  return selection.ok
    ? ok({ aqmfile: aqmfile.value, selection: selection.value, ...plain(graph) })
    : selection;
}

/** What there is to say of a request without overrides. */
const plain = (graph: Graph): Pick<Session, "cells" | "find" | "relocated"> => ({
  cells: [],
  relocated: null,
  find: async (targets) => {
    const selection = select(graph, targets, await globMatcher(targets));
    return selection.ok ? ok(selection.value.requested) : selection;
  },
});

function describeEnvironments(
  layout: Layout,
  environments: readonly EnvironmentDeclaration[],
  nodes: readonly ActionNode[],
  evidence: Evidence,
): Result<ReadonlyMap<string, EnvironmentDescription>, Failure> {
  const needed = new Set(
    nodes.flatMap(({ declaration: { op } }) => (op.runtime === "python" ? [op.environment] : [])),
  );
  const described = new Map<string, EnvironmentDescription>();
  for (const declaration of environments) {
    if (!needed.has(declaration.name)) continue;
    const description = describeEnvironment(layout, declaration, evidence);
    if (!description.ok) return description;
    described.set(declaration.name, description.value);
  }
  return ok(described);
}
