import type {
  ActionDeclaration,
  Declarations,
  EnvironmentDeclaration,
} from "../model/declaration.ts";
import type { DeclaredAction } from "./action.ts";
import { isObject, nameOf, wrong } from "./check.ts";

/** What rules return and `build` takes: actions, nested as it suits the rule. */
export type Declared = DeclaredAction | readonly Declared[];

/** What the default export of an Aqmfile is. */
export interface BuildFile extends Declarations {
  readonly environments: readonly EnvironmentDeclaration[];
}

/** Collects the given actions and everything that they are made from. */
export function build(
  declared: Declared,
  options: { readonly defaults?: readonly string[] } = {},
): BuildFile {
  const defaults: unknown = options.defaults ?? [];
  if (!Array.isArray(defaults) || !defaults.every((target) => typeof target === "string")) {
    wrong("The defaults of build(…) are not a list of texts", 'For example ["out/report.md"].');
  }
  const actions = new Map<DeclaredAction, ActionDeclaration>();
  const environments = new Map<string, EnvironmentDeclaration>();
  const pending: unknown[] = [declared];
  while (pending.length > 0) {
    const next = pending.pop();
    if (isList(next)) {
      for (let index = next.length - 1; index >= 0; index--) {
        pending.push(next[index]);
      }
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
  };
}

/** Named one by one, which is much faster than leaving some out. */
const plainOf = ({
  op,
  params,
  inputs,
  outputs,
  resources,
  batch,
  expected,
  declaredAt,
}: DeclaredAction): ActionDeclaration => {
  const plain = { op, params, inputs, outputs, resources };
  if (batch === undefined && expected === undefined)
    return declaredAt === undefined ? plain : { ...plain, declaredAt };
  return {
    ...plain,
    ...(batch === undefined ? {} : { batch }),
    ...(expected === undefined ? {} : { expected }),
    ...(declaredAt === undefined ? {} : { declaredAt }),
  };
};

const isAction = (declared: unknown): declared is DeclaredAction =>
  isObject(declared) && Array.isArray(declared["producers"]) && isObject(declared["outputs"]);

const isList = (declared: unknown): declared is readonly unknown[] => Array.isArray(declared);

type Axes = Readonly<Record<string, readonly unknown[]>>;
type Cell<A extends Axes> = { readonly [K in keyof A]: A[K][number] };

/** Every combination of the axes, the last axis varying fastest. */
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
  return cells.map((values) => cell(values as Cell<A>));
}
