import type { Result } from "../../../src/model/result.ts";

export function valueOf<T, E>(result: Result<T, E>): T {
  if (!result.ok) throw new Error(`expected a value, got ${JSON.stringify(result.error, null, 2)}`);
  return result.value;
}

export function errorOf<T, E>(result: Result<T, E>): E {
  if (result.ok) throw new Error("expected an error, got a value");
  return result.error;
}

/** The single element of a list; anything else is a failed expectation. */
export function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (list.length !== 1 || first === undefined) {
    throw new Error(`expected one element, got ${JSON.stringify(list, null, 2)}`);
  }
  return first;
}

export function defined<T>(value: T | null | undefined): T {
  if (value === undefined || value === null) throw new Error("expected a value, got none");
  return value;
}
