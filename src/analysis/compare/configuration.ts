import { isPyList, isPyObject, numericValue, type PyJson } from "../python-json/value.ts";

/** What is a result, or a list of layers, and no setting. */
const RESULTS: ReadonlySet<string> = new Set([
  "layers",
  "num_quantized_layers",
  "autoquant_state",
  "layer_sensitivity",
  "sensitivity_ranking",
  "groups",
  "modules",
  "taken_over",
  "schema",
  "fp32_fallback_sensitivity",
  "int8_requant_sensitivity",
  "aqm.bit_plan",
  "aqm.schema",
  "aqm.taken_over",
  "aqm.budget.adjusted",
  "aqm.budget.achieved",
  "aqm.budget.slack",
  "aqm.budget.minimum",
  "aqm.budget.satisfied",
]);

/** Where a document or its scores came from: no plan depends on it. */
const ORIGINS: ReadonlySet<string> = new Set([
  "taken_over",
  "schema",
  "aqm.schema",
  "aqm.taken_over",
]);

/**
 * The settings in a document, as text by dotted name. Of a path only its last part is shown: where a file
 * lay on somebody's disk is no setting.
 */
export function configurationOf(json: PyJson): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  visit(json, "", (name) => RESULTS.has(name), found);
  return found;
}

/** All that is no setting and no origin, as text by dotted name: scores, costs, formats, what a search found. */
export function resultsOf(json: PyJson): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  visit(json, "", (name) => ORIGINS.has(name), found);
  for (const name of configurationOf(json).keys()) found.delete(name);
  // Of layers that are alike the earlier one is chosen, so their order counts.
  const layers = isPyObject(json) ? json.get("layer_sensitivity") : undefined;
  if (isPyObject(layers)) found.set("layer_sensitivity (order)", [...layers.keys()].join(", "));
  return found;
}

function visit(
  value: PyJson,
  name: string,
  skips: (name: string) => boolean,
  found: Map<string, string>,
): void {
  if (skips(name)) return;
  const inside = (key: string): string => (name === "" ? key : `${name}.${key}`);
  if (isPyObject(value)) {
    for (const [key, item] of value) visit(item, inside(key), skips, found);
  } else if (isPyList(value) && value.some((item) => isPyObject(item) || isPyList(item))) {
    for (const [at, item] of value.entries()) visit(item, inside(String(at)), skips, found);
  } else found.set(name, shown(value));
}

function shown(value: PyJson): string {
  if (typeof value === "string") return value.slice(value.lastIndexOf("/") + 1);
  if (isPyList(value)) return value.map(shown).join(", ");
  if (value === null || typeof value === "boolean" || typeof value === "bigint")
    return String(value);
  return String(numericValue(value));
}

export interface SettingDifference {
  readonly field: string;
  /** Null where that side does not have it. */
  readonly a: string | null;
  readonly b: string | null;
}

/** The settings that are not the same, those of both sides first, then by the order of the documents. */
export function settingDifferences(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): readonly SettingDifference[] {
  const fields = [...new Set([...a.keys(), ...b.keys()])];
  const differing = fields
    .map((field) => ({ field, a: a.get(field) ?? null, b: b.get(field) ?? null }))
    .filter((row) => row.a !== row.b);
  const onBoth = (row: SettingDifference): boolean => row.a !== null && row.b !== null;
  return [...differing.filter(onBoth), ...differing.filter((row) => !onBoth(row))];
}
