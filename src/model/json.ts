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
    throw new NotJsonError(placeOfFault(value, "") ?? "", error.message);
  }
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

/** Where in `value` the first part is that cannot be written; null when all of it can. */
function placeOfFault(value: unknown, path: string): string | null {
  if (typeof value === "object" && value !== null) {
    const isList = Array.isArray(value);
    for (const key of isList ? [...value.keys()] : Object.keys(value).sort()) {
      if (typeof key === "string" && !key.isWellFormed()) return path;
      const part = (value as Record<string | number, unknown>)[key];
      const place = isList ? `${path}[${key}]` : path === "" ? String(key) : `${path}.${key}`;
      const found = placeOfFault(part, place);
      if (found !== null) return found;
    }
  }
  try {
    write(value);
    return null;
  } catch {
    return path;
  }
}
