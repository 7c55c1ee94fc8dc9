import * as fs from "node:fs";
import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { placeInStack, type DeclareHost } from "../../declare/host.ts";
import type { BuildFile } from "../../declare/build.ts";
import type { Groups } from "../../declare/override/override.ts";
import { buildGraph } from "../../graph/build-graph.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Declarations, EnvironmentDeclaration } from "../../model/declaration.ts";
import { digestOfBytes } from "../../model/digest.ts";
import { onceEach, type Failure, type SourcePlace } from "../../model/failure.ts";
import type { SharedCacheDeclaration } from "../../model/shared-cache.ts";
import { err, ok, type Result } from "../../model/result.ts";
import type { SlurmDeclaration } from "../../model/slurm.ts";
import { loadConfiguration } from "./configuration.ts";
import type { ConfigFolders } from "./config-groups.ts";
import { isAmbient } from "../code/ambient.ts";
import type { Evaluated } from "./evaluated.ts";
import { builtGrounds, type Grounds } from "../evidence/built-grounds.ts";
import type { Evidence } from "../evidence/evidence.ts";
import { isWhole, writeCompiled, type CompiledFile } from "../code/compiled-module.ts";
import { errorText, readCache, writeCache } from "../disk/disk.ts";
import type { Layout } from "../disk/layout.ts";
import { endedAtOnce } from "../process/at-once.ts";
import { linkedTwins } from "../evidence/linked-paths.ts";
import { allCurrent, derivationContext, noteLooked } from "../evidence/signature.ts";
import { checkPythonOps } from "./python-ops.ts";
import type { Warmth } from "./warmth.ts";

export interface LoadedAqmfile {
  readonly graph: Graph;
  readonly environments: readonly EnvironmentDeclaration[];
  /** Modules that recognise artifacts from elsewhere. */
  readonly adopters: readonly string[];
  /** Modules that say how two artifacts differ. */
  readonly comparers: readonly string[];
  readonly cache: SharedCacheDeclaration | null;
  /** What jobs on a Slurm cluster ask for. */
  readonly slurm: SlurmDeclaration;
  /** Absolute paths of everything the declarations depend on, for watching. */
  readonly files: readonly string[];
}

interface CompiledAqmfile {
  /** Paths are absolute, so a copied workspace must not believe this. */
  readonly context: string;
  /** True when the declarations may depend on more than configs and modules. */
  readonly ambient: boolean;
  readonly module: CompiledFile;
  /** Tells where in the sources a declaration is. */
  readonly map: CompiledFile | null;
  /** Absolute path and stat signature of every bundled module. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** An Aqmfile that is ready to be evaluated, as often as it is asked what it says under other configs. */
export interface OpenAqmfile {
  readonly folders: ConfigFolders;
  readonly groups: Groups;
  readonly files: readonly string[];
  readonly evaluate: (configs: EvaluatedWith) => Promise<Result<Evaluated, readonly Failure[]>>;
}

export type EvaluatedWith = Pick<DeclareHost, "configuration" | "chosen">;

/** What watching keeps of the last look, and what is known by now of what decides the graph. */
export interface LoadOptions {
  readonly warmth?: Warmth | null;
  /** No output may replace them. */
  readonly grounds?: Grounds | null;
}

/** Bundles (or takes from the cache), evaluates and links the Aqmfile. */
export async function loadAqmfile(
  layout: Layout,
  evidence: Evidence,
  options: LoadOptions = {},
): Promise<Result<LoadedAqmfile, readonly Failure[]>> {
  const aqmfile = await openAqmfile(layout, evidence, options);
  if (!aqmfile.ok) return aqmfile;
  const { groups, files, evaluate } = aqmfile.value;
  const evaluated = await evaluate({ configuration: groups });
  if (!evaluated.ok) return evaluated;
  const { graph, declared, looked } = evaluated.value;
  const { environments, adopters, comparers, cache, slurm = {} } = declared;
  const watched = [...files, ...Object.keys(looked)];
  return ok({ graph, environments, adopters, comparers, cache, slurm, files: watched });
}

export async function openAqmfile(
  layout: Layout,
  evidence: Evidence,
  { warmth = null, grounds = null }: LoadOptions = {},
): Promise<Result<OpenAqmfile, readonly Failure[]>> {
  if (!fs.existsSync(layout.aqmfile)) return err([noAqmfile(layout)]);
  const odd = /[\\\p{Cc}]/u.exec(layout.root)?.[0];
  if (odd !== undefined) return err([oddFolder(layout, odd)]);
  const compiled = await compile(layout, evidence, { warmth });
  if (!compiled.ok) return err([compiled.error]);
  const defaults = defaultsFor(layout, compiled.value);
  const configuration = await loadConfiguration(layout, evidence, defaults);
  if (!configuration.ok) return configuration;
  if (compiled.value.ambient) evidence.leaveIncomplete();
  return ok({
    folders: { own: layout.conf, defaults },
    groups: configuration.value.groups,
    files: [...Object.keys(compiled.value.inputs), ...configuration.value.files],
    evaluate: (configs) =>
      grounds === null
        ? remembered(layout, evidence, compiled.value, configs, warmth)
        : evaluated(layout, evidence, compiled.value, configs, grounds),
  });
}

/** Configs that come with aqm belong to its rules: a workspace elsewhere has them if it uses one of the rules. */
function defaultsFor({ root, packageRoot }: Layout, { inputs }: CompiledAqmfile): string | null {
  const rules = join(packageRoot, "rules") + sep;
  const usesRules = Object.keys(inputs).some((path) => path.startsWith(rules));
  return usesRules && root !== packageRoot ? join(packageRoot, "conf") : null;
}

/** The same code says the same of the same configs; what links on the disk add is looked at each time. */
async function remembered(
  layout: Layout,
  evidence: Evidence,
  compiled: CompiledAqmfile,
  configs: EvaluatedWith,
  warmth: Warmth | null,
): Promise<Result<Evaluated, readonly Failure[]>> {
  if (warmth === null || compiled.ambient) return evaluated(layout, evidence, compiled, configs);
  const dependsOn = JSON.stringify([compiled.module.digest, configs]);
  const known = warmth.aqmfile;
  if (known?.dependsOn === dependsOn && allCurrent(known.evaluated.looked, evidence)) {
    const twins = linkedTwins(layout.root, known.evaluated.graph, evidence.ways);
    if (twins.length === 0) return ok(known.evaluated);
  }
  const found = await evaluated(layout, evidence, compiled, configs);
  warmth.aqmfile = found.ok ? { dependsOn, evaluated: found.value } : null;
  return found;
}

async function evaluated(
  layout: Layout,
  evidence: Evidence,
  compiled: CompiledAqmfile,
  configs: EvaluatedWith,
  grounds: Grounds | null = null,
): Promise<Result<Evaluated, readonly Failure[]>> {
  const first = await evaluate(layout, compiled, { ...configs, trace: false });
  if (first.ok) {
    const sound = await soundGraph(layout, evidence, first.value, grounds);
    if (sound.ok) return ok({ ...sound.value, declared: first.value });
  }
  // Something is wrong: evaluate once more, now keeping track of where everything is declared.
  const mapped = await compile(layout, evidence, { withMap: true });
  if (!mapped.ok) return err([mapped.error]);
  const traced = await evaluate(layout, mapped.value, { ...configs, trace: true });
  if (!traced.ok) return err([traced.error]);
  const actions = traced.value.actions.map((declaration) => ({
    ...declaration,
    ...(declaration.declaredAt === undefined
      ? {}
      : { declaredAt: inWorkspace(layout, declaration.declaredAt) }),
  }));
  const sound = await soundGraph(layout, evidence, { ...traced.value, actions }, grounds);
  return sound.ok
    ? err([unsteady(layout)])
    : err(onceEach(sound.error.map((failure) => located(layout, failure))));
}

async function soundGraph(
  layout: Layout,
  evidence: Evidence,
  declarations: Declarations,
  grounds: Grounds | null,
): Promise<Result<Pick<Evaluated, "graph" | "looked">, readonly Failure[]>> {
  const graph = checkedGraph(layout, declarations, evidence);
  if (!graph.ok) return graph;
  const built = grounds === null ? [] : builtGrounds(layout.root, graph.value, grounds, evidence);
  if (built.length > 0) return err(built);
  const looked = await checkPythonOps(layout, evidence, declarations.actions);
  return looked.ok ? ok({ graph: graph.value, looked: looked.value }) : looked;
}

/** The graph, if neither the declarations nor links on the disk make two places of one. */
export function checkedGraph(
  layout: Layout,
  declarations: Declarations,
  { ways }: Evidence,
): Result<Graph, readonly Failure[]> {
  const graph = buildGraph(declarations);
  const twins = graph.ok ? linkedTwins(layout.root, graph.value, ways) : [];
  return twins.length > 0 ? err(twins) : graph;
}

async function compile(
  layout: Layout,
  evidence: Evidence,
  { withMap = false, warmth = null }: { withMap?: boolean; warmth?: Warmth | null } = {},
): Promise<Result<CompiledAqmfile, Failure>> {
  const index = join(layout.compiled, "aqmfile.json");
  const context = derivationContext(layout);
  const cached = readCache(index) as CompiledAqmfile | null;
  const current =
    cached?.context === context &&
    allCurrent(cached.inputs, evidence) &&
    isWhole(layout.compiled, cached.module) &&
    (!withMap || (cached.map !== null && isWhole(layout.compiled, cached.map)));
  if (current) return ok(cached);
  const bundleModule = warmth?.bundler.bundle ?? (await import("../code/bundle.ts")).bundleModule;
  const bundle = await bundleModule(layout, layout.aqmfile, { sourceMap: true });
  if (!bundle.ok) return bundle;
  const { code, map, external, looked: inputs } = bundle.value;
  const name = `aqmfile-${digestOfBytes(code).slice(7, 27)}.mjs`;
  noteLooked(inputs, evidence);
  const compiled: CompiledAqmfile = {
    context,
    ambient: await isAmbient(code, external),
    module: writeCompiled(layout.compiled, name, `${code}\n//# sourceMappingURL=${name}.map\n`),
    map: map === null ? null : writeCompiled(layout.compiled, `${name}.map`, map),
    inputs,
  };
  writeCache(index, compiled);
  return ok(compiled);
}

/** Frames of a stack: enough for the Aqmfile behind rules that call rules within nested grids. */
const TRACE_DEPTH = 50;

let evaluations = 0;

async function evaluate(
  layout: Layout,
  compiled: CompiledAqmfile,
  host: DeclareHost,
): Promise<Result<BuildFile, Failure>> {
  const url = pathToFileURL(join(layout.compiled, compiled.module.name));
  // A module is evaluated once a URL; watching and the second, traced look need it again.
  if (evaluations > 0 || host.trace) url.search = `?${evaluations}`;
  evaluations += 1;
  const depth = Error.stackTraceLimit;
  if (host.trace) {
    process.setSourceMapsEnabled(true);
    Error.stackTraceLimit = TRACE_DEPTH;
  }
  globalThis.aqmDeclareHost = host;
  try {
    const loaded = (await endedAtOnce(() => import(url.href))) as { default?: BuildFile };
    const file = (loaded.default ?? null) as Partial<BuildFile> | null;
    const whole = [file?.actions, file?.environments, file?.defaults].every(Array.isArray);
    return whole ? ok(file as BuildFile) : err(noDefaultExport());
  } catch (error) {
    return err(evaluationFailure(layout, error));
  } finally {
    if (host.trace) process.setSourceMapsEnabled(false);
    Error.stackTraceLimit = depth;
  }
}

function evaluationFailure(layout: Layout, error: unknown): Failure {
  const declared = (error as { aqmFailure?: Failure } | null | undefined)?.aqmFailure;
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  const place = placeInStack(stack);
  const failure: Failure = declared ?? {
    reason: "aqmfile_failed",
    message: `The Aqmfile threw an error: ${errorText(error)}`,
    nextStep: "Correct it and run the same command again; nothing was changed.",
  };
  return located(layout, { ...failure, ...(place === undefined ? {} : { place }) });
}

function located(layout: Layout, failure: Failure): Failure {
  const place = failure.place ?? { file: "Aqmfile.ts" };
  return { ...failure, place: inWorkspace(layout, place) };
}

/** Absolute paths of stacks become workspace-relative ones. */
function inWorkspace(layout: Layout, { from, ...place }: SourcePlace): SourcePlace {
  const file = relative(layout.root, place.file);
  const inside = !file.startsWith("..") && place.file.startsWith("/");
  return {
    ...place,
    ...(inside ? { file } : {}),
    ...(from === undefined ? {} : { from: inWorkspace(layout, from) }),
  };
}

const noAqmfile = (layout: Layout): Failure => ({
  reason: "no_aqmfile",
  message: `There is no Aqmfile.ts in ${layout.root} or any folder above it`,
  nextStep: "Change into a workspace, or write an Aqmfile.ts: the README of aqm shows a small one.",
});

/** Node imports nothing from a path with a backslash, and a stack cannot be read where a path breaks its lines. */
const oddFolder = (layout: Layout, odd: string): Failure => ({
  reason: "usage",
  message: `The path of the workspace has ${odd === "\\" ? "a backslash" : "a control character"}: ${JSON.stringify(layout.root)}`,
  nextStep:
    "Move the workspace, or rename the folder on the way to it; all else may be in its path.",
});

const noDefaultExport = (): Failure => ({
  reason: "aqmfile_failed",
  message: "Aqmfile.ts does not export what build(…) returns as its default",
  place: { file: "Aqmfile.ts" },
  nextStep: "End it with: export default build([ … ]);",
});

const unsteady = (layout: Layout): Failure => ({
  reason: "aqmfile_failed",
  message: "The Aqmfile declares something else each time it is evaluated",
  place: { file: relative(layout.root, layout.aqmfile) },
  nextStep: "Declarations may only depend on conf/ and on the modules that they import.",
});
