import type { Coordinates, Declarations } from "../model/declaration.ts";
import type { Failure } from "../model/failure.ts";
import { didYouMean } from "../model/nearest-name.ts";
import { err, ok, type Result } from "../model/result.ts";
import type { ActionNode } from "./graph.ts";
import { includeFilter } from "./include.ts";

/** Axis → its values, as the grids of the Aqmfile declare them. */
export type GridAxes = ReadonlyMap<string, ReadonlySet<string>>;

/** Also of what is skipped: its cells exist, though nothing is made for them. */
export function axesOf({ actions, skipped = [] }: Declarations): GridAxes {
  const axes = new Map<string, Set<string>>();
  const seen = new Set<Coordinates>();
  for (const { coordinates } of [...actions, ...skipped]) {
    if (coordinates === undefined || seen.has(coordinates)) continue; // a cell shares them
    seen.add(coordinates);
    for (const [axis, value] of Object.entries(coordinates)) {
      const values = axes.get(axis);
      if (values === undefined) axes.set(axis, new Set([value]));
      else values.add(value);
    }
  }
  return axes;
}

/**
 * The axis that `key` names: its name, or its last words (`width` for `paper_width`, `size` for
 * `dataset.size`) where no other axis ends so. A config group of that name comes before such a short form.
 */
export function axisNamed(axes: GridAxes, key: string, isGroup: boolean): string | null {
  if (axes.has(key)) return key;
  if (isGroup) return null;
  const ending = [...axes.keys()].filter(
    (axis) => axis.endsWith(`.${key}`) || axis.endsWith(`_${key}`),
  );
  return ending.length === 1 ? (ending[0] ?? null) : null;
}

/** The values of an axis that are meant: names, or patterns with `*` and `?`. */
export function axisValues(
  axes: GridAxes,
  axis: string,
  choices: readonly string[],
): Result<readonly string[], Failure> {
  const values = axes.get(axis) ?? new Set<string>();
  const found = new Set<string>();
  for (const choice of choices) {
    const matches = values.has(choice) ? [choice] : [...values].filter(includeFilter([choice]));
    if (matches.length === 0) {
      return err({
        reason: "usage",
        message: `The axis ${axis} has no value ${choice || '""'}`,
        nextStep: didYouMean(choice, values) ?? `It has: ${[...values].join(", ")}.`,
      });
    }
    for (const value of matches) found.add(value);
  }
  return ok([...found]);
}

/** Whether an action belongs to a cell: it has every one of these coordinates. */
export const isIn = (
  { coordinates }: { readonly coordinates?: Coordinates },
  wanted: Coordinates,
): boolean => Object.entries(wanted).every(([axis, value]) => coordinates?.[axis] === value);

/** One of each, in every combination; the last list varies fastest. */
export function product<T>(lists: readonly (readonly T[])[]): readonly (readonly T[])[] {
  let rows: readonly (readonly T[])[] = [[]];
  for (const list of lists) rows = rows.flatMap((row) => list.map((item) => [...row, item]));
  return rows;
}

/** What a cell makes for itself: the action and, above it, what was declared for the same cell. */
export function ownOf(requested: Iterable<ActionNode>): ReadonlySet<string> {
  const own = new Set<ActionNode>(requested);
  for (const node of own) {
    for (const { producer } of node.inputs) {
      if (producer !== null && sameCell(node, producer.action)) own.add(producer.action);
    }
  }
  return new Set([...own].map(({ id }) => id));
}

const sameCell = (a: ActionNode, b: ActionNode): boolean =>
  a.declaration.coordinates !== undefined &&
  a.declaration.coordinates === b.declaration.coordinates;
