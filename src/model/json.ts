/**
 * JSON as data and as canonical text (RFC 8785), the only form that is ever hashed.
 * Python writes the same text for the same value, so digests agree across languages.
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** Thrown for values that JSON would silently drop or merge: a key must never hide a difference. */
export class NotJsonError extends Error {
  override readonly name = "NotJsonError";
  /** The action whose declaration holds the value, once that is known. */
  target: string | undefined;

  constructor(path: string, what: string) {
    super(`${path === "" ? "the value" : path} is ${what}, which JSON cannot hold`);
  }
}

/** Canonical text: sorted keys (UTF-16 code units), no white space, shortest round-trip numbers. */
export function canonicalJson(value: Json): string {
  try {
    return write(value);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const why = whyNotJson(value);
    throw new NotJsonError(why?.path ?? "", why?.what ?? error.message);
  }
}

/** Whether two values have the same canonical text, found without making it. */
export function sameJson(one: Json, two: Json): boolean {
  if (one === two) return true;
  if (typeof one !== "object" || typeof two !== "object" || one === null || two === null) {
    return false;
  }
  if (Array.isArray(one) || Array.isArray(two)) {
    if (!Array.isArray(one) || !Array.isArray(two) || one.length !== two.length) return false;
    for (let at = 0; at < one.length; at++) {
      if (!sameJson(one[at] as Json, two[at] as Json)) return false;
    }
    return true;
  }
  const [first, second] = [one as JsonObject, two as JsonObject];
  const keys = Object.keys(first);
  if (keys.length !== Object.keys(second).length) return false;
  for (const key of keys) {
    if (!Object.hasOwn(second, key) || !sameJson(first[key] as Json, second[key] as Json)) {
      return false;
    }
  }
  return true;
}

const SHARED = new WeakMap<object, string>();

/**
 * For an object that is part of thousands of values and never changes: its text is made once.
 * Returns the object.
 */
export function shareCanonical<Shared extends JsonObject>(value: Shared): Shared {
  if (!SHARED.has(value)) SHARED.set(value, canonicalJson(value));
  return value;
}

/** Thrown without a place, because keeping track of places would cost more than writing. */
class Fault extends Error {}

function write(value: unknown): string {
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) throw new Fault("a string with half a character");
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw new Fault(String(value));
      return JSON.stringify(value); // ECMAScript number text is what RFC 8785 prescribes; -0 becomes 0
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? writeArray(value) : writeObject(value);
    default:
      throw new Fault(`of type ${typeof value}`);
  }
}

function writeArray(items: readonly unknown[]): string {
  let text = "[";
  for (let index = 0; index < items.length; index++) {
    if (index > 0) text += ",";
    text += write(items[index]);
  }
  return `${text}]`;
}

function writeObject(value: object): string {
  const shared = SHARED.get(value);
  if (shared !== undefined) return shared;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new Fault(`a ${value.constructor.name}`);
  }
  const object = value as Record<string, unknown>;
  let text = "{";
  for (const key of Object.keys(object).sort()) {
    if (text !== "{") text += ",";
    text += `${write(key)}:${write(object[key])}`;
  }
  return `${text}}`;
}

/**
 * Where a value holds something that JSON would drop, change or never finish, and what that is; null for
 * plain JSON. Unlike `canonicalJson` it also bears values that contain themselves.
 */
export function whyNotJson(
  value: unknown,
): { readonly path: string; readonly what: string } | null {
  return isJson(value, 0) ? null : findFault(value, "", []);
}

/** The same without saying where: nearly everything is JSON. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return true;
    case "object": {
      if (value === null) return true;
      if (depth > DEEPEST) return false;
      if (Array.isArray(value)) {
        // By index, because holes count.
        for (let at = 0; at < value.length; at++) if (!isJson(value[at], depth + 1)) return false;
        return true;
      }
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) return false;
      if (Object.getOwnPropertySymbols(value).length > 0) return false;
      for (const key of Object.keys(value)) {
        if (
          key === "__proto__" ||
          !key.isWellFormed() ||
          !isJson((value as Record<string, unknown>)[key], depth + 1)
        )
          return false;
      }
      return true;
    }
    default:
      return false;
  }
}

function findFault(
  value: unknown,
  path: string,
  around: readonly object[],
): { readonly path: string; readonly what: string } | null {
  if (typeof value === "object" && value !== null) {
    if (around.includes(value)) return { path, what: "an object that contains itself" };
    if (around.length > DEEPEST) return { path, what: `more than ${DEEPEST} levels deep` };
    if (!Array.isArray(value)) {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) {
        return { path, what: `a ${value.constructor.name}` };
      }
      if (Object.getOwnPropertySymbols(value).length > 0)
        return { path, what: "keyed by a symbol" };
    }
    const inside = [...around, value];
    const list = Array.isArray(value);
    const keys = list ? [...value.keys()].map(String) : Object.keys(value);
    for (const key of keys) {
      if (!key.isWellFormed()) return { path, what: "keyed by half a character" };
      // A copy of the object would have it as its prototype.
      if (!list && key === "__proto__") return { path, what: "keyed by __proto__" };
      const place = list ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
      const problem = findFault((value as Record<string, unknown>)[key], place, inside);
      if (problem !== null) return problem;
    }
    return null;
  }
  if (typeof value === "number" && !Number.isFinite(value)) return { path, what: String(value) };
  if (typeof value === "string" && !value.isWellFormed())
    return { path, what: "a string with half a character" };
  return ["number", "string", "boolean"].includes(typeof value) || value === null
    ? null
    : { path, what: value === undefined ? "undefined" : `a ${typeof value}` };
}

/** Far more than anybody writes, and far less than the stack holds. */
const DEEPEST = 200;
