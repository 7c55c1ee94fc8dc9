import type {
  ActionDeclaration,
  Declarations,
  EnvironmentDeclaration,
} from "../model/declaration.ts";
import type { DeclaredAction } from "./action.ts";
import { DeclarationError } from "./host.ts";

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
  const actions = new Map<DeclaredAction, ActionDeclaration>();
  const environments = new Map<string, EnvironmentDeclaration>();
  const pending: Declared[] = [declared];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (isList(next)) {
      for (let index = next.length - 1; index >= 0; index--) {
        const item = next[index];
        if (item === undefined) {
          throw new DeclarationError(
            "invalid_declaration",
            "build(…) was given undefined instead of an action",
            "A rule probably forgot to return what it declares.",
          );
        }
        pending.push(item);
      }
      continue;
    }
    if (actions.has(next)) continue;
    const { environments: needed, producers, ...plain } = next;
    actions.set(next, plain);
    for (const environment of needed) environments.set(environment.name, environment);
    for (let index = producers.length - 1; index >= 0; index--) {
      const producer = producers[index];
      if (producer !== undefined) pending.push(producer);
    }
  }
  return {
    actions: [...actions.values()],
    environments: [...environments.values()],
    defaults: options.defaults ?? [],
  };
}

const isList = (declared: Declared): declared is readonly Declared[] => Array.isArray(declared);

type Axes = Readonly<Record<string, readonly unknown[]>>;
type Cell<A extends Axes> = { readonly [K in keyof A]: A[K][number] };

/** Every combination of the axes, the last axis varying fastest. */
export function grid<const A extends Axes>(axes: A, cell: (cell: Cell<A>) => Declared): Declared {
  let cells: Record<string, unknown>[] = [{}];
  for (const [name, values] of Object.entries(axes)) {
    cells = cells.flatMap((partial) => values.map((value) => ({ ...partial, [name]: value })));
  }
  return cells.map((values) => cell(values as Cell<A>));
}
