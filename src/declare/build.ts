import type {
  ActionDeclaration,
  Declarations,
  EnvironmentDeclaration,
  SkippedDeclaration,
} from "../model/declaration.ts";
import type { SharedCacheDeclaration } from "../model/shared-cache.ts";
import type { SlurmDeclaration } from "../model/slurm.ts";
import type { DeclaredAction } from "./action.ts";
import { coordinatesHere, inCell, textOfValue } from "./cell.ts";
import { checkPathText, isObject, nameOf, wrong } from "./check.ts";
import { checkSlurm } from "./check-slurm.ts";
import { declarationPlace } from "./host.ts";

/** What rules return and `build` takes: actions, nested as it suits the rule. */
export type Declared = DeclaredAction | Skipped | readonly Declared[];

/** Stands in a rule's result where an action would stand. */
export interface Skipped {
  readonly skipped: SkippedDeclaration;
}

/**
 * A file or folder that is not made, and why, in a few words: `skip("out/a3.pdf", "the printer has no A3")`.
 * Plans count what they leave out by reason; a request by name gets the reason.
 */
export function skip(path: string, because: string): Skipped {
  checkPathText("skip", path);
  const reason: unknown = because;
  if (typeof reason !== "string" || reason.trim() === "") {
    wrong(`${path} is skipped without a reason`, 'Write skip(path, "why").');
  }
  return { skipped: { path, because, ...coordinatesHere(), ...declarationPlace() } };
}

/** What the default export of an Aqmfile is. */
export interface BuildFile extends Declarations {
  readonly environments: readonly EnvironmentDeclaration[];
  /** Modules that recognise artifacts from elsewhere. */
  readonly adopters: readonly string[];
  /** Modules that say how two artifacts differ. */
  readonly comparers: readonly string[];
  /** Where results are shared with other workspaces; null where they are not. */
  readonly cache: SharedCacheDeclaration | null;
  /** What jobs on a Slurm cluster ask for. */
  readonly slurm?: SlurmDeclaration;
}

/** Collects the given actions and everything that they are made from. */
export function build(
  declared: Declared,
  options: {
    readonly defaults?: readonly string[];
    readonly adopters?: readonly string[];
    readonly comparers?: readonly string[];
    readonly cache?: SharedCacheDeclaration;
    readonly slurm?: SlurmDeclaration;
  } = {},
): BuildFile {
  const defaults: unknown = options.defaults ?? [];
  if (!Array.isArray(defaults) || !defaults.every((target) => typeof target === "string")) {
    wrong("The defaults of build(…) are not a list of texts", 'For example ["out/report.md"].');
  }
  const adopters: unknown = options.adopters ?? [];
  if (!Array.isArray(adopters) || !adopters.every((module) => typeof module === "string")) {
    wrong("The adopters of build(…) are not a list of paths", 'For example ["rules/adopt.ts"].');
  }
  const comparers: unknown = options.comparers ?? [];
  if (!Array.isArray(comparers) || !comparers.every((module) => typeof module === "string")) {
    wrong("The comparers of build(…) are not a list of paths", 'For example ["rules/compare.ts"].');
  }
  checkSlurm(options.slurm);
  const actions = new Map<DeclaredAction, ActionDeclaration>();
  const environments = new Map<string, EnvironmentDeclaration>();
  const skipped: SkippedDeclaration[] = [];
  const pending: unknown[] = [declared];
  while (pending.length > 0) {
    const next = pending.pop();
    if (isList(next)) {
      for (let index = next.length - 1; index >= 0; index--) {
        pending.push(next[index]);
      }
      continue;
    }
    if (isSkipped(next)) {
      skipped.push(next.skipped);
      continue;
    }
    if (!isAction(next)) {
      wrong(
        `build(…) was given ${nameOf(next)} instead of an action`,
        next instanceof Promise
          ? "A rule is async: write await before its call."
          : "A rule probably forgot to return what it declares.",
      );
    }
    if (actions.has(next)) continue;
    const { environments: needed, producers } = next;
    actions.set(next, plainOf(next));
    for (const environment of needed) environments.set(environment.name, environment);
    for (let index = producers.length - 1; index >= 0; index--) {
      pending.push(producers[index]);
    }
  }
  return {
    actions: [...actions.values()],
    environments: [...environments.values()],
    defaults,
    adopters,
    comparers,
    cache: options.cache === undefined ? null : checkedCache(options.cache),
    skipped,
    ...(options.slurm === undefined ? {} : { slurm: options.slurm }),
  };
}

function checkedCache(cache: SharedCacheDeclaration): SharedCacheDeclaration {
  const next =
    'For example { folder: "/shared/aqm" } or { url: "https://cache.example", mode: "write" }.';
  const given: unknown = cache;
  if (!isObject(given)) wrong(`The cache of build(…) is ${nameOf(given)}`, next);
  const { folder, url, mode = "read", ...others } = given;
  const [other] = Object.keys(others);
  if (other !== undefined) wrong(`The cache of build(…) has no ${other}`, next);
  if ([folder, url].filter((place) => typeof place === "string").length !== 1)
    wrong("The cache of build(…) is neither one folder nor one url", next);
  if (mode !== "read" && mode !== "write")
    wrong("The mode of the cache of build(…) is neither read nor write", next);
  return cache;
}

/** Named one by one, which is much faster than leaving some out. */
const plainOf = ({
  op,
  params,
  inputs,
  outputs,
  resources,
  batch,
  resumable,
  expected,
  prepares,
  slurm,
  coordinates,
  declaredAt,
}: DeclaredAction): ActionDeclaration => {
  const plain = { op, params, inputs, outputs, resources };
  const extras = batch ?? resumable ?? expected ?? prepares ?? slurm ?? coordinates;
  if (extras === undefined) return declaredAt === undefined ? plain : { ...plain, declaredAt };
  return {
    ...plain,
    ...(batch === undefined ? {} : { batch }),
    ...(resumable === undefined ? {} : { resumable }),
    ...(expected === undefined ? {} : { expected }),
    ...(prepares === undefined ? {} : { prepares }),
    ...(slurm === undefined ? {} : { slurm }),
    ...(coordinates === undefined ? {} : { coordinates }),
    ...(declaredAt === undefined ? {} : { declaredAt }),
  };
};

const isAction = (declared: unknown): declared is DeclaredAction =>
  isObject(declared) && Array.isArray(declared["producers"]) && isObject(declared["outputs"]);

const isSkipped = (declared: unknown): declared is Skipped =>
  isObject(declared) && isObject(declared["skipped"]);

const isList = (declared: unknown): declared is readonly unknown[] => Array.isArray(declared);

type Axes = Readonly<Record<string, readonly unknown[]>>;
type Cell<A extends Axes> = { readonly [K in keyof A]: A[K][number] };

/**
 * Every combination of the axes, the last axis varying fastest. What a cell declares carries the cell's
 * coordinates, so that `aqm sweep axis=value` finds it; what it shares with others is better declared outside.
 */
export function grid<const A extends Axes>(axes: A, cell: (cell: Cell<A>) => Declared): Declared {
  let cells: Record<string, unknown>[] = [{}];
  for (const [name, values] of Object.entries<unknown>(axes)) {
    if (!isList(values)) {
      wrong(
        `The axis ${name} of grid(…) is ${nameOf(values)}`,
        'Write a list: { size: ["small"] }.',
      );
    }
    cells = cells.flatMap((partial) => values.map((value) => ({ ...partial, [name]: value })));
  }
  return cells.map((values) => inCell(textsOf(values), () => cell(values as Cell<A>)));
}

function textsOf(values: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [axis, value] of Object.entries(values)) {
    const text = textOfValue(value);
    if (text !== null) texts[axis] = text;
  }
  return texts;
}
