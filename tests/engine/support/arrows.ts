import { dirname } from "node:path";
import type { SourceFile } from "./sources.ts";

/** Who imports whom: names of files, or of rooms, each with those that it imports. */
export type Arrows = ReadonlyMap<string, ReadonlySet<string>>;

/** Imports between the given files; packages and files elsewhere are left out. */
export function fileArrows(files: readonly SourceFile[]): Arrows {
  const known = new Set(files.map(({ path }) => path));
  return new Map(
    files.map(({ path, imports }) => [path, new Set(imports.filter((to) => known.has(to)))]),
  );
}

/** The same between folders; a folder's imports of its own files are no arrow. */
export function roomArrows(files: readonly SourceFile[]): Arrows {
  const rooms = new Map<string, Set<string>>();
  for (const [path, imports] of fileArrows(files)) {
    const room = dirname(path);
    const arrows = rooms.get(room) ?? new Set();
    rooms.set(room, arrows);
    for (const imported of imports) if (dirname(imported) !== room) arrows.add(dirname(imported));
  }
  return rooms;
}

/** Names that all import each other, directly or by way of others. */
export interface Knot {
  readonly members: readonly string[];
  /** A shortest way around, from the first member back to it. */
  readonly circle: readonly string[];
}

export function knots(arrows: Arrows): readonly Knot[] {
  const reached = new Map([...arrows.keys()].map((name) => [name, reachedFrom(arrows, name)]));
  const done = new Set<string>();
  const found: Knot[] = [];
  for (const name of [...arrows.keys()].sort()) {
    if (done.has(name) || reached.get(name)?.has(name) !== true) continue;
    const members = [...arrows.keys()].filter(
      (other) => reached.get(name)?.has(other) === true && reached.get(other)?.has(name) === true,
    );
    for (const member of members) done.add(member);
    found.push({ members: members.sort(), circle: wayAround(arrows, name) });
  }
  return found;
}

function reachedFrom(arrows: Arrows, start: string): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const next of arrows.get(name) ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(next);
    }
  }
  return reached;
}

/** Breadth first, so the way is a shortest one. */
function wayAround(arrows: Arrows, start: string): readonly string[] {
  let ways: readonly (readonly string[])[] = [[start]];
  const seen = new Set<string>();
  while (ways.length > 0) {
    const longer: (readonly string[])[] = [];
    for (const way of ways) {
      for (const next of arrows.get(way.at(-1) ?? "") ?? []) {
        if (next === start) return [...way, next];
        if (seen.has(next)) continue;
        seen.add(next);
        longer.push([...way, next]);
      }
    }
    ways = longer;
  }
  throw new Error(`${start} is in no circle`);
}

/** Each knot's circle as one line: `a → b → a`. */
export const circlesText = (arrows: Arrows): readonly string[] =>
  knots(arrows).map(({ circle }) => circle.join(" → "));
