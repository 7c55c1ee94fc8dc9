import type {
  ActionDeclaration,
  Declarations,
  EnvironmentDeclaration,
  InputDeclaration,
  OutputDeclaration,
} from "../model/declaration.ts";
import { sameJson, type Json } from "../model/json.ts";
import { outputBehind, recordPath } from "../model/record.ts";

/** Declarations with the environments that they name. */
export interface Declared extends Declarations {
  readonly environments: readonly EnvironmentDeclaration[];
}

/** The path of the first output, as in the graph. */
export const idOf = ({ outputs }: ActionDeclaration): string =>
  Object.values(outputs)[0]?.path ?? "";

/**
 * The actions of `other` that would not do what the action of the same name in `plain` does: what they say
 * of themselves differs, or one that they read from does. All others have the same keys in both.
 */
export function differing(plain: Declared, other: Declared): ReadonlySet<string> {
  const [before, after] = [surroundingsOf(plain), surroundingsOf(other)];
  const known = new Map(plain.actions.map((action) => [idOf(action), action]));
  const seeds = other.actions.flatMap((action) => {
    const same = known.get(idOf(action));
    return same !== undefined && doTheSame(same, before, action, after) ? [] : [idOf(action)];
  });
  return withConsumers(other, seeds);
}

/** The given actions and all that is made from them. */
export function withConsumers(
  { actions }: Declarations,
  ids: Iterable<string>,
): ReadonlySet<string> {
  const makers = makersOf(actions);
  const consumers = new Map<string, string[]>();
  for (const action of actions) {
    for (const input of Object.values<InputDeclaration>(action.inputs)) {
      const maker = makers.get(outputBehind(input));
      if (maker === undefined) continue;
      const list = consumers.get(maker);
      if (list === undefined) consumers.set(maker, [idOf(action)]);
      else list.push(idOf(action));
    }
  }
  const found = new Set<string>(ids);
  for (const id of found) for (const consumer of consumers.get(id) ?? []) found.add(consumer);
  return found;
}

/** Declarations in which some actions publish elsewhere. */
export interface Relocated extends Declared {
  /** Output path as declared → where it is now. */
  readonly moved: ReadonlyMap<string, string>;
}

/**
 * Lets actions publish below another folder (id → root). Actions that read these outputs read them there, and a
 * param that is the path of something that moved says where it is now.
 */
export function relocate(declared: Declared, roots: ReadonlyMap<string, string>): Relocated {
  const moved = new Map<string, string>();
  for (const action of declared.actions) {
    const root = roots.get(idOf(action));
    if (root === undefined) continue;
    for (const { path } of Object.values<OutputDeclaration>(action.outputs)) {
      moved.set(path, `${root}/${path}`);
    }
  }
  const actions = declared.actions.map((action) =>
    roots.has(idOf(action)) ? relocated(action, moved) : action,
  );
  return { ...declared, actions, moved };
}

function relocated(
  action: ActionDeclaration,
  moved: ReadonlyMap<string, string>,
): ActionDeclaration {
  const place = <T extends { readonly path: string }>(item: T): T => ({
    ...item,
    path: moved.get(item.path) ?? item.path,
  });
  const read = (input: InputDeclaration): InputDeclaration => {
    const target = moved.get(input.recordOf ?? "");
    return target === undefined
      ? place(input)
      : { ...input, path: recordPath(target), recordOf: target };
  };
  return {
    ...action,
    params: withPaths(action.params, moved) as ActionDeclaration["params"],
    inputs: mapped(action.inputs, read),
    outputs: mapped(action.outputs, place),
  };
}

function withPaths(value: Json, moved: ReadonlyMap<string, string>): Json {
  if (typeof value === "string") return moved.get(value) ?? value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => withPaths(item, moved));
  return mapped(value as Readonly<Record<string, Json>>, (item) => withPaths(item, moved));
}

const mapped = <T>(
  record: Readonly<Record<string, T>>,
  change: (value: T) => T,
): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));

/** What several declare, each action once. Null when they need different environments of one name. */
export function union(parts: readonly Declared[]): Declared | null {
  const found = new Map<string, [action: ActionDeclaration, of: Surroundings][]>();
  const environments = new Map<string, EnvironmentDeclaration>();
  for (const part of parts) {
    const around = surroundingsOf(part);
    for (const action of part.actions) {
      const id = idOf(action);
      const others = found.get(id);
      if (others === undefined) found.set(id, [[action, around]]);
      // What differs under one name stays, so that the graph refuses it.
      else if (!others.some(([other, of]) => doTheSame(other, of, action, around)))
        others.push([action, around]);
    }
    for (const environment of part.environments) {
      const other = environments.get(environment.name);
      if (other !== undefined && !sameJson(asJson(other), asJson(environment))) return null;
      environments.set(environment.name, environment);
    }
  }
  return {
    actions: [...found.values()].flatMap((list) => list.map(([action]) => action)),
    environments: [...environments.values()],
    defaults: parts[0]?.defaults ?? [],
    // What one variant skips, another may make; the request for the skipped one was answered before.
    skipped: [],
  };
}

/** What an action's key depends on that other declarations say. */
interface Surroundings {
  /** Path of an output → id of the action that makes it. */
  readonly makers: ReadonlyMap<string, string>;
  readonly environments: ReadonlyMap<string, EnvironmentDeclaration>;
}

const surroundingsOf = ({ actions, environments }: Declared): Surroundings => ({
  makers: makersOf(actions),
  environments: new Map(environments.map((item) => [item.name, item])),
});

/** Whether all is the same that decides the key of an action, beside the content of files. */
function doTheSame(
  one: ActionDeclaration,
  ofOne: Surroundings,
  two: ActionDeclaration,
  ofTwo: Surroundings,
): boolean {
  return (
    sameJson(asJson(one.op), asJson(two.op)) &&
    sameRoles<OutputDeclaration>(
      one.outputs,
      two.outputs,
      (a, b) => a.path === b.path && a.kind === b.kind && a.keep === b.keep,
    ) &&
    sameRoles<InputDeclaration>(
      one.inputs,
      two.inputs,
      (a, b) =>
        a.path === b.path &&
        a.kind === b.kind &&
        sameJson(asJson(a.include ?? null), asJson(b.include ?? null)) &&
        (a.optional ?? false) === (b.optional ?? false) &&
        ofOne.makers.get(outputBehind(a)) === ofTwo.makers.get(outputBehind(b)),
    ) &&
    sameJson(one.params, two.params) &&
    sameJson(environmentOf(one, ofOne), environmentOf(two, ofTwo))
  );
}

const environmentOf = ({ op }: ActionDeclaration, { environments }: Surroundings): Json =>
  op.runtime === "python" ? asJson(environments.get(op.environment) ?? null) : null;

function sameRoles<T>(
  one: Readonly<Record<string, T>>,
  two: Readonly<Record<string, T>>,
  same: (one: T, two: T) => boolean,
): boolean {
  const roles = Object.entries(one);
  return (
    roles.length === Object.keys(two).length &&
    roles.every(([role, item]) => {
      const other = two[role];
      return other !== undefined && same(item, other);
    })
  );
}

const makersOf = (actions: readonly ActionDeclaration[]): ReadonlyMap<string, string> =>
  new Map(
    actions.flatMap((action) =>
      Object.values<OutputDeclaration>(action.outputs).map(
        ({ path }) => [path, idOf(action)] as const,
      ),
    ),
  );

/** Declarations are JSON by the time that they are linked. */
const asJson = (value: object | null): Json => value as unknown as Json;
