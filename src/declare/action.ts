import type {
  ActionDeclaration,
  BatchDeclaration,
  EnvironmentDeclaration,
  Expectation,
  ExpectedCost,
  InputDeclaration,
  OutputDeclaration,
  ResumableDeclaration,
  Resources,
} from "../model/declaration.ts";
import type { JsonObject } from "../model/json.ts";
import type { TypescriptOpModule } from "../model/op.ts";
import { recordPath } from "../model/record.ts";
import type { SlurmSettings } from "../model/slurm.ts";
import { isRegionId, regionPath } from "../model/region.ts";
import {
  checkAction,
  checkEnvironment,
  checkExpectations,
  checkInclude,
  checkPathText,
  checkRole,
  isObject,
  nameOf,
  wrong,
} from "./check.ts";
import { checkSlurmSettings } from "./check-slurm.ts";
import { coordinatesHere } from "./cell.ts";
import { declarationPlace } from "./host.ts";
import type { PythonOps } from "./python-ops.ts";

/** An op and what it takes; the type parameters make a forgotten role a compile error. */
export interface Op<Params extends object, Inputs extends object, Outputs extends string> {
  readonly declaration: ActionDeclaration["op"];
  readonly environment?: EnvironmentDeclaration;
  /** Types only; never set. */
  readonly signature?: (params: Params, inputs: Inputs) => Outputs;
}

/** The inputs of an action whose op names their roles. */
type Inputs<Role extends string = string> = Readonly<Record<Role, Input>>;

type KnownOp<Entry> = Entry extends {
  readonly params: infer Params extends object;
  readonly inputs: infer Given extends object;
  readonly outputs: infer Outputs extends string;
}
  ? Op<Params, Given, Outputs>
  : never;

/**
 * A Python op: module `ops/<name>.py` of the runner package, declared in `ops/<name>.json` beside it, run in
 * `environment`.
 */
export function pythonOp<Name extends keyof PythonOps>(
  name: Name,
  environment: EnvironmentDeclaration,
): KnownOp<PythonOps[Name]>;
export function pythonOp(
  name: string,
  environment: EnvironmentDeclaration,
): Op<object, Inputs, string>;
export function pythonOp(
  name: string,
  environment: EnvironmentDeclaration,
): Op<object, Inputs, string> {
  checkPathText("pythonOp", name);
  checkEnvironment(environment);
  return { declaration: { runtime: "python", name, environment: environment.name }, environment };
}

/** What every op module exports, so that a forgotten `version` or `run` is a compile error where it is named. */
interface OpExports {
  readonly version: number;
  readonly run: (call: never) => unknown;
}

/** No action takes it: where `run` is not that of an op, the compiler says so at the action. */
interface NoOp {
  readonly error: "run(call: OpCall<Params, Roles>) must return Result<OpOutputs<Roles>, OpFailure>";
}

/**
 * A TypeScript op: `typescriptOp<typeof import("./ops/report.ts")>("rules/ops/report.ts")`.
 * The path is relative to the workspace, but for the ops that come with aqm: `aqm/rules/ops/report.ts`. The module is
 * only loaded when the op has to run.
 */
export function typescriptOp<Module extends OpExports>(
  path: string,
): Module extends TypescriptOpModule<infer P, infer I, infer O> ? Op<P, Inputs<I>, O> : NoOp;
export function typescriptOp(path: string): Op<object, Inputs, string> {
  checkPathText("typescriptOp", path);
  return { declaration: { runtime: "typescript", module: path } };
}

export function environment(declaration: EnvironmentDeclaration): EnvironmentDeclaration {
  checkEnvironment(declaration);
  return declaration;
}

/** An input: a source file or folder, or an output of another action. */
export type Input = InputDeclaration & { readonly producer?: DeclaredAction };

/** What may be said of a source; no part of this is in a key. */
interface SourceOptions {
  readonly obtain?: string;
  readonly alias?: string;
}

export function file(path: string, options: SourceOptions = {}): Input {
  checkPathText("file", path);
  return { path, kind: "file", ...options };
}

export function folder(
  path: string,
  options: SourceOptions & {
    readonly include?: readonly string[];
    readonly expect?: readonly Expectation[];
  } = {},
): Input {
  checkPathText("folder", path);
  checkInclude(options.include);
  checkExpectations(options.expect);
  return { path, kind: "folder", ...options };
}

/**
 * The same input, if it is there: the action reads it as it lies in the workspace, and does without it
 * otherwise. What makes it is not run for this action's sake; if it runs in the same build, it goes first.
 */
export function ifThere(input: Input): Input {
  const given: unknown = input;
  if (!isObject(given) || typeof given["path"] !== "string")
    wrong(`ifThere(…) was given ${nameOf(given)}`, "It takes what file(…) or from(…) returned.");
  if (input.kind !== "file")
    wrong(`ifThere(…) was given the folder ${input.path}`, "Only a file can be optional.");
  return { ...input, optional: true };
}

/**
 * What is recorded of an action: cost, day, tools, facts (`Provenance`, as JSON), for reports that show it.
 * The reader is made again when the action has run again, even with equal outputs. Like `ifThere`: the action is
 * not run for its reader's sake, and where nothing is recorded the input is not there.
 */
export function recordOf(producer: DeclaredAction): Input {
  const given: unknown = producer;
  if (!isObject(given) || !isObject(given["outputs"]))
    wrong(`recordOf(…) was given ${nameOf(given)}`, "It takes what action(…) returned.");
  const target = Object.values(producer.outputs)[0]?.path ?? "";
  const input = { path: recordPath(target), kind: "record", recordOf: target } as const;
  return { ...input, optional: true, producer };
}

/** An output that belongs into Git and must be in the workspace. */
export function committed(path: string, kind: "file" | "folder" = "file"): OutputDeclaration {
  checkPathText("committed", path);
  return { path, kind, keep: "committed" };
}

/** An output that Git ignores; when it is absent, only a consumer that has to run brings it back. */
export function local(path: string, kind: "file" | "folder" = "file"): OutputDeclaration {
  checkPathText("local", path);
  return { path, kind, keep: "local" };
}

/**
 * A part of a file that people write: what is between the lines `<!-- aqm:<id> begin -->` and
 * `<!-- aqm:<id> end -->`. Everything else in the file stays as it is, byte for byte. Markers that are not
 * there yet are put at the end of the file. Its target is `<path>#<id>`.
 */
export function region(path: string, id: string): OutputDeclaration {
  checkPathText("region", path);
  const name: unknown = id;
  if (typeof name !== "string" || !isRegionId(name)) {
    wrong(
      `region takes a name, not ${nameOf(name)}`,
      'Use letters, digits, dots, - and _, for example region("README.md", "runs").',
    );
  }
  return { path: regionPath({ file: path, id }), kind: "region", keep: "committed" };
}

export interface DeclaredAction<Outputs extends string = string> extends ActionDeclaration {
  readonly outputs: Readonly<Record<Outputs, OutputDeclaration>>;
  readonly environments: readonly EnvironmentDeclaration[];
  readonly producers: readonly DeclaredAction[];
}

/** Declares one execution of an op. Nothing happens until somebody asks for one of its outputs. */
export function action<
  Params extends object,
  Given extends object,
  Outputs extends string,
>(declaration: {
  readonly op: Op<Params, Given, Outputs>;
  readonly params: Params;
  readonly inputs: Given;
  readonly outputs: Readonly<Record<Outputs, OutputDeclaration>>;
  readonly resources?: Partial<Resources>;
  readonly batch?: Omit<BatchDeclaration, "apart"> & {
    readonly apart: readonly ((keyof Params | keyof Given) & string)[];
  };
  readonly resumable?: Omit<ResumableDeclaration, "bounds"> & {
    readonly bounds: readonly (keyof Params & string)[];
  };
  readonly expected?: ExpectedCost;
  readonly prepares?: readonly string[];
  readonly slurm?: SlurmSettings | false;
}): DeclaredAction<Outputs> {
  checkAction(declaration);
  checkSlurmSettings(declaration.slurm);
  const inputs: Record<string, InputDeclaration> = {};
  const producers: DeclaredAction[] = [];
  for (const [role, input] of Object.entries(declaration.inputs as Inputs)) {
    const { producer, ...declared } = input;
    if (producer !== undefined) producers.push(producer);
    inputs[role] = declared;
  }
  return {
    op: declaration.op.declaration,
    params: declaration.params as JsonObject,
    inputs,
    outputs: declaration.outputs,
    resources: {
      // TypeScript ops are over in milliseconds: they should not queue behind a Python op.
      cpu: declaration.op.declaration.runtime === "python" ? 1 : 0,
      gpu: 0,
      ...withoutUndefined({ ...declaration.resources }),
    },
    ...(declaration.batch === undefined ? {} : { batch: declaration.batch }),
    ...(declaration.resumable === undefined ? {} : { resumable: declaration.resumable }),
    ...(declaration.expected === undefined ? {} : { expected: declaration.expected }),
    ...(declaration.prepares === undefined ? {} : { prepares: declaration.prepares }),
    ...(declaration.slurm === undefined ? {} : { slurm: declaration.slurm }),
    environments: declaration.op.environment === undefined ? [] : [declaration.op.environment],
    producers,
    ...coordinatesHere(),
    ...declarationPlace(),
  };
}

/** In plain JavaScript `{ gpu: undefined }` is possible, and says as little as `{}`. */
const withoutUndefined = (resources: Readonly<Record<string, unknown>>): Partial<Resources> =>
  Object.fromEntries(Object.entries(resources).filter(([, value]) => value !== undefined));

/** The input that another action's output is. */
export function from<Outputs extends string>(
  producer: DeclaredAction<Outputs>,
  role: Outputs,
): Input {
  // TypeScript cannot promise what a rule in plain JavaScript, or one that was cast, hands over.
  const given: unknown = producer;
  if (!isObject(given) || !isObject(given["outputs"])) {
    wrong(`from(…) was given ${nameOf(given)}`, "It takes what action(…) returned, and a role.");
  }
  checkRole(role, Object.keys(producer.outputs));
  const { path, kind } = producer.outputs[role];
  if (kind === "region") {
    wrong(
      `from(…) asks for ${path}, which is only a region of a file`,
      "Take what it is made from, or let its action write a file as well.",
    );
  }
  return { path, kind, producer };
}
