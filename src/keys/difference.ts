import type { Json, JsonObject } from "../model/json.ts";

/** One field that differs; `undefined` means that the field is absent on that side. */
export interface Difference {
  /** Where, e.g. `params.score_size` or `op.sources["src/a.ts"]`. */
  readonly field: string;
  readonly path: readonly string[];
  readonly old: Json | undefined;
  readonly new: Json | undefined;
}

/** The leaves in which two values differ, in the order of the new value, then what it lost. */
export function differences(before: Json, after: Json): readonly Difference[] {
  const found: Difference[] = [];
  collectDifferences(before, after, [], found);
  return found;
}

function collectDifferences(
  before: Json | undefined,
  after: Json | undefined,
  path: readonly string[],
  found: Difference[],
): void {
  if (before === after) return;
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    const old = before as JsonObject;
    const now = after as JsonObject;
    for (const key of Object.keys(now)) {
      collectDifferences(
        Object.hasOwn(old, key) ? old[key] : undefined,
        now[key],
        [...path, key],
        found,
      );
    }
    for (const key of Object.keys(old)) {
      if (!Object.hasOwn(now, key)) collectDifferences(old[key], undefined, [...path, key], found);
    }
    return;
  }
  found.push({ field: fieldText(path), path, old: before, new: after });
}

const isContainer = (value: Json | undefined): value is JsonObject | readonly Json[] =>
  typeof value === "object" && value !== null;

function fieldText(path: readonly string[]): string {
  let text = "";
  for (const part of path) {
    if (/^\d+$/.test(part)) text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}
