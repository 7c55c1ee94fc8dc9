import type { Json, JsonObject } from "../../model/json.ts";

/** A part of a mapping that would change nothing: its key is not there, or it is `{}` for a mapping with keys. */
export interface Lost {
  readonly path: readonly string[];
  readonly because: "not there" | "empty";
}

export function has(value: Json | undefined, path: readonly string[]): boolean {
  return valueAt(value, path) !== undefined;
}

/** Why a value cannot be added, and what to write instead. */
export interface Refused {
  readonly because: string;
  readonly instead: string;
}

/** The value at a path; undefined if there is none. */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found = value;
  for (const part of path) {
    if (!isContainer(found) || !Object.hasOwn(found, part)) return undefined;
    if (Array.isArray(found) && part === "length") return undefined;
    found = (found as JsonObject)[part];
  }
  return found;
}

/**
 * `value` with `leaf` at a path that is there. A mapping is merged into a mapping, as in Hydra; what it names that is
 * not there is lost, and so is an empty one.
 */
export function changed(
  value: Json,
  path: readonly string[],
  leaf: Json,
): { readonly value: Json; readonly lost: readonly Lost[] } {
  const before = valueAt(value, path);
  if (!isMapping(before) || !isMapping(leaf))
    return { value: withValue(value, path, leaf), lost: [] };
  const entries = Object.entries(leaf);
  if (entries.length === 0 && Object.keys(before).length > 0)
    return { value, lost: [{ path, because: "empty" }] };
  const lost: Lost[] = [];
  let result = value;
  for (const [key, item] of entries) {
    const inner = [...path, key];
    if (!has(value, inner)) lost.push({ path: inner, because: "not there" });
    else {
      const edit = changed(result, inner, item);
      result = edit.value;
      lost.push(...edit.lost);
    }
  }
  return { value: result, lost };
}

/**
 * `value` with `leaf` at a path that is not there yet, or why it cannot be set there. Mappings on the way are made,
 * a list takes one item at its end, and nothing else is replaced: a mapping is merged into one that is there.
 *
 * @param forces whether the path may be there
 */
export function added(
  value: Json,
  path: readonly string[],
  leaf: Json,
  forces: boolean,
): { readonly value: Json } | Refused {
  for (let length = 0; length < path.length; length++) {
    const around = valueAt(value, path.slice(0, length));
    const part = path[length] ?? "";
    const name = path.slice(0, length).join(".");
    if (around === undefined) {
      if (!/^\d+$/.test(part)) continue;
      const because = `${name} is not there, so it has no item ${part}`;
      return { because, instead: "Name one option, as group/option.key, or add the whole list." };
    }
    if (!isContainer(around)) {
      const because = `${name} is ${JSON.stringify(around)}, which has no keys`;
      return { because, instead: `Set ${name} itself, to {${part}: …}, if that is meant.` };
    }
    if (Array.isArray(around) && !Object.hasOwn(around, part)) {
      const end = String(around.length);
      const because = `the list ${name} has ${end} items, and no place for ${part}`;
      if (part !== end) return { because, instead: `Its next item is ${name}.${end}.` };
    }
  }
  const before = valueAt(value, path);
  if (isMapping(before) && isMapping(leaf)) {
    return { value: withValue(value, path, merged(before, leaf)) };
  }
  if (before === undefined || forces) return { value: withValue(value, path, leaf) };
  const instead = "Without + it is changed; with ++ it is set in every option.";
  return { because: `${path.join(".")} is there already`, instead };
}

/** `value` without a key that is there; null where it is an item of a list, because the others would move. */
export function removed(value: Json, path: readonly string[]): Json | null {
  const around = path.slice(0, -1);
  const from = valueAt(value, around);
  if (!isMapping(from)) return null;
  const rest = Object.entries(from).filter(([key]) => key !== path.at(-1));
  return withValue(value, around, Object.fromEntries(rest));
}

function merged(before: JsonObject, leaf: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...before };
  for (const [key, item] of Object.entries(leaf)) {
    const there = Object.hasOwn(before, key) ? before[key] : undefined;
    result[key] = isMapping(there) && isMapping(item) ? merged(there, item) : item;
  }
  return result;
}

function withValue(value: Json | undefined, path: readonly string[], leaf: Json): Json {
  const [first, ...rest] = path;
  if (first === undefined) return leaf;
  if (Array.isArray(value)) {
    const list = [...(value as readonly Json[])];
    list[Number(first)] = withValue(list[Number(first)], rest, leaf);
    return list;
  }
  const object = isMapping(value) ? value : {};
  return { ...object, [first]: withValue(object[first], rest, leaf) };
}

const isContainer = (value: Json | undefined): value is JsonObject | readonly Json[] =>
  typeof value === "object" && value !== null;

const isMapping = (value: Json | undefined): value is JsonObject =>
  isContainer(value) && !Array.isArray(value);
