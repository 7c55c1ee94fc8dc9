import { failed, type AnalysisFailure } from "../result/result.ts";
import type { ExportCheck } from "../schemes/export-check.ts";
import type { ExportFormat, Scheme } from "../schemes/scheme.ts";

interface Exported {
  readonly scheme: Scheme;
  readonly check: ExportCheck;
  readonly format: ExportFormat;
}

interface WithExports {
  readonly scheme: Scheme;
  readonly exports: readonly {
    readonly format: ExportFormat;
    readonly check: ExportCheck | null;
  }[];
}

/**
 * Holds exported files against plans, over all schemes of a set: other plans must have other weights, and one plan
 * the same ones. Each export is held against its own plan when it is made; only together do they show that one
 * checkpoint was written under several names.
 */
export function checkSameWeights(schemes: readonly WithExports[]): AnalysisFailure | undefined {
  const exported = schemes.flatMap(({ scheme, exports }) =>
    exports.flatMap(({ format, check }) => (check === null ? [] : [{ scheme, format, check }])),
  );
  for (const [n, one] of exported.entries()) {
    for (const other of exported.slice(n + 1)) {
      if (one.format !== other.format || isRecipe(one) !== isRecipe(other)) continue;
      const wrong = contradictionOf(one, other);
      if (wrong !== undefined) return wrong;
    }
  }
  return undefined;
}

/** A recipe and a plan that mean the same format everywhere may have the same weights, though nothing else is alike. */
const isRecipe = ({ scheme }: Exported): boolean => "recipe" in scheme.choice;

function contradictionOf(one: Exported, other: Exported): AnalysisFailure | undefined {
  const samePlan = one.check.plan === other.check.plan;
  const sameWeights = one.check.weights === other.check.weights;
  const names = `${one.scheme.name} and ${other.scheme.name}`;
  const folders = `${one.format} of ${names}`;
  if (!samePlan && sameWeights && quantizedLayers(one) !== quantizedLayers(other)) {
    return failed(
      "same_weights",
      names,
      `The exported weights (${folders}) are the same, ${short(one.check.weights)}, though the plans are not: ${differenceOf(one, other)}. At least one of the two folders does not hold its plan. Export both again.`,
    ).error;
  }
  if (samePlan && !sameWeights && isCalibratedAlike(one, other)) {
    return failed(
      "same_weights",
      names,
      `The exported weights (${folders}) differ, ${short(one.check.weights)} and ${short(other.check.weights)}, though the plan and its calibration are the same. Export both again.`,
    ).error;
  }
  return undefined;
}

/** What the plan quantizes. Plans of another scope that quantize the same layers alike are one plan in this sense. */
const quantizedLayers = ({ scheme: { layers } }: Exported): string =>
  layers
    .filter(({ format }) => format !== "NONE")
    .flatMap(({ modules, format }) => modules.map((module) => `${module} ${format}`))
    .toSorted()
    .join("\n");

/** Ranges of inputs are in the files, and they are those of a scope's calibration data. */
const isCalibratedAlike = ({ scheme: a }: Exported, { scheme: b }: Exported): boolean =>
  a.scope === b.scope && a.size === b.size;

/** The first layer that the plans give different formats. */
function differenceOf(one: Exported, other: Exported): string {
  const formats = new Map(other.scheme.layers.map(({ group, format }) => [group, format]));
  const first = one.scheme.layers.find(({ group, format }) => formats.get(group) !== format);
  return first === undefined
    ? `${quantizedLayers(one).split("\n").length} and ${quantizedLayers(other).split("\n").length} layers are quantized`
    : `${first.group} is ${first.format} in ${one.scheme.name} and ${formats.get(first.group) ?? "not named"} in ${other.scheme.name}`;
}

/** The beginning of a digest, as tables have it. */
export const short = (digest: string): string => digest.slice(0, 12);
