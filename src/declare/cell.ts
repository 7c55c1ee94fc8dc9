import type { Coordinates } from "../model/declaration.ts";

/** Where in which grids the Aqmfile is being evaluated; grids may lie within grids. */
let here: Coordinates | null = null;

/** Evaluates a cell; what it declares carries these coordinates and those of the grids around it. */
export function inCell<T>(coordinates: Coordinates, declare: () => T): T {
  const around = here;
  here = Object.freeze({ ...around, ...coordinates });
  try {
    return declare();
  } finally {
    here = around;
  }
}

export const coordinatesHere = (): { coordinates: Coordinates } | Record<string, never> =>
  here === null ? {} : { coordinates: here };

/** How the value of an axis is named on the command line; null for what has no name. */
export function textOfValue(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const name = (value as { readonly name?: unknown } | null | undefined)?.name;
  return typeof name === "string" ? name : null;
}
