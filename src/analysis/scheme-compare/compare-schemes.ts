import { choiceText } from "../scheme-report/words.ts";
import type { Dropped, Scheme } from "../schemes/scheme.ts";
import { layerDifferences, type LayerDifferences } from "./layer-differences.ts";

/** A scheme, and what to call it. */
export interface ComparedScheme {
  readonly name: string;
  readonly scheme: Scheme;
}

/** How two schemes differ. */
export interface SchemeComparison {
  readonly a: string;
  readonly b: string;
  /** Whether nothing differs: no setting, no size, no layer. */
  readonly same: boolean;
  readonly settings: readonly DifferingText[];
  /** Bits, bytes and counts that differ; null where one side has none. */
  readonly sizes: readonly DifferingSize[];
  /** Modules by format in both, by name of format. */
  readonly formats: readonly { readonly format: string; readonly a: number; readonly b: number }[];
  readonly layers: LayerDifferences;
  /** Candidates that were left out of one of them alone. */
  readonly dropped: { readonly a: readonly Dropped[]; readonly b: readonly Dropped[] };
}

export interface DifferingText {
  readonly setting: string;
  readonly a: string;
  readonly b: string;
}

export interface DifferingSize {
  readonly what: string;
  readonly unit: "bits" | "bytes" | "groups" | "score";
  readonly a: number | null;
  readonly b: number | null;
}

/** Holds two schemes against each other, field by field and module by module. */
export function compareSchemes(first: ComparedScheme, second: ComparedScheme): SchemeComparison {
  const [a, b] = [first.scheme, second.scheme];
  const settings = differing(settingsOf(a), settingsOf(b)).map(([setting, x, y]) => ({
    setting,
    a: x ?? "none",
    b: y ?? "none",
  }));
  const sizes = differing(sizesOf(a), sizesOf(b)).map(([what, x, y]): DifferingSize => {
    const unit = (x ?? y)?.unit ?? "bits";
    return { what, unit, a: x?.value ?? null, b: y?.value ?? null };
  });
  const layers = layerDifferences(a.layers, b.layers);
  const dropped = { a: without(a.dropped, b.dropped), b: without(b.dropped, a.dropped) };
  const found = [settings, sizes, layers.flips, layers.only_a, layers.only_b, dropped.a, dropped.b];
  return {
    a: first.name,
    b: second.name,
    same: found.every((list) => list.length === 0),
    settings,
    sizes,
    formats: formatCounts(a, b),
    layers,
    dropped,
  };
}

/** What was asked for, in the order of the document, and whether its goal was met. */
const settingsOf = (scheme: Scheme): ReadonlyMap<string, string> =>
  new Map([
    ["name", scheme.name],
    ["model", scheme.model],
    ["scope", scheme.scope],
    ["calibration size", scheme.size],
    ["scores by", scheme.engine ?? "none"],
    ["candidates", scheme.candidates.join(", ")],
    ["choice", choiceText(scheme.choice)],
    ["ranking", scheme.ranking ?? "none"],
    ["search by measurement", searchText(scheme)],
    ["goal", goalText(scheme)],
  ]);

function searchText({ search }: Scheme): string {
  if (search === undefined) return "none";
  const { measurements, starts, seed } = search.settings;
  return `${measurements} measurements from ${starts.join(", ")}, seed ${seed}, judged by ${search.figure}`;
}

function goalText({ search }: Scheme): string {
  const met = search?.met ?? null;
  return met === null ? "none" : met ? "met" : "not met";
}

interface Size {
  readonly unit: DifferingSize["unit"];
  readonly value: number;
}

function sizesOf({ achieved, exports }: Scheme): ReadonlyMap<string, Size> {
  const { bits, whole_bits, bytes, score, quantized_groups, groups } = achieved;
  const sizes = new Map<string, Size>([
    ["bits of layers that may be quantized", { unit: "bits", value: bits }],
    ["bits of the whole model", { unit: "bits", value: whole_bits }],
    ["all tensors, the larger export", { unit: "bytes", value: bytes }],
    ...exports.map(
      (of) => [`all tensors, ${of.format}`, { unit: "bytes", value: of.bytes }] as const,
    ),
    ["groups that are quantized", { unit: "groups", value: quantized_groups }],
    ["groups that may be quantized", { unit: "groups", value: groups }],
  ]);
  if (score !== null) sizes.set("predicted score", { unit: "score", value: score });
  return sizes;
}

/** Names whose values are not the same, in the order of the first and then of the second. */
function differing<T>(
  a: ReadonlyMap<string, T>,
  b: ReadonlyMap<string, T>,
): readonly (readonly [name: string, a: T | undefined, b: T | undefined])[] {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names].flatMap((name) => {
    const [x, y] = [a.get(name), b.get(name)];
    return JSON.stringify(x) === JSON.stringify(y) ? [] : [[name, x, y] as const];
  });
}

function formatCounts(a: Scheme, b: Scheme): SchemeComparison["formats"] {
  const [inA, inB] = [a, b].map(countsOf);
  const names = new Set([...(inA?.keys() ?? []), ...(inB?.keys() ?? [])]);
  return [...names]
    .sort()
    .map((format) => ({ format, a: inA?.get(format) ?? 0, b: inB?.get(format) ?? 0 }));
}

function countsOf({ layers }: Scheme): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { format, modules } of layers)
    counts.set(format, (counts.get(format) ?? 0) + modules.length);
  return counts;
}

function without(some: readonly Dropped[], others: readonly Dropped[]): readonly Dropped[] {
  const known = new Set(others.map((one) => JSON.stringify(one)));
  return some.filter((one) => !known.has(JSON.stringify(one)));
}
