/**
 * JSON values as Python's `json` module sees them.
 *
 * JavaScript cannot tell `8` from `8.0` once parsed, and reorders object keys
 * that look like integers. Published manifests need both kept. So a plain
 * `number` is an integer literal, a float is `{ float }`, and an object is a
 * `Map`, which keeps order and leaves plain objects free to mean "float".
 */
export interface PyFloat {
  readonly float: number;
}

export type PyList = readonly PyJson[];

export type PyObject = ReadonlyMap<string, PyJson>;

/** `bigint` appears only for integers outside JavaScript's exact range. */
export type PyJson = null | boolean | number | bigint | string | PyFloat | PyList | PyObject;

export function pyFloat(value: number): PyFloat {
  return { float: value };
}

/** An object in the given key order; keys whose value is `undefined` are left out. */
export function pyObject(entries: Iterable<readonly [string, PyJson | undefined]>): PyObject {
  const object = new Map<string, PyJson>();
  for (const [key, value] of entries) {
    if (value !== undefined) object.set(key, value);
  }
  return object;
}

export function isPyObject(value: PyJson | undefined): value is PyObject {
  return value instanceof Map;
}

export function isPyList(value: PyJson | undefined): value is PyList {
  return Array.isArray(value);
}

export function isPyFloat(value: PyJson | undefined): value is PyFloat {
  return typeof value === "object" && value !== null && "float" in value;
}

/** The numeric value of an integer or float literal, or `undefined` for anything else. */
export function numericValue(value: PyJson | undefined): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return isPyFloat(value) ? value.float : undefined;
}
