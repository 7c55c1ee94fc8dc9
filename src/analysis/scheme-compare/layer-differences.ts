import type { SchemeLayer } from "../schemes/scheme.ts";

/** What two schemes decide otherwise. */
export interface LayerDifferences {
  /** Modules that both name. */
  readonly both: number;
  /** Modules with another format. */
  readonly flipped: number;
  /** Where formats differ, in module order of the first: a line a group, or a module where groups are not the same. */
  readonly flips: readonly Flip[];
  /** Modules that one side alone names. */
  readonly only_a: readonly string[];
  readonly only_b: readonly string[];
}

export interface Flip {
  /** The group, by its first module; or the module. */
  readonly layer: string;
  /** How many modules it stands for. */
  readonly modules: number;
  readonly a: string;
  readonly b: string;
}

/** Compares module by module, since schemes of two models or versions may group them otherwise. */
export function layerDifferences(
  a: readonly SchemeLayer[],
  b: readonly SchemeLayer[],
): LayerDifferences {
  const [inA, inB] = [formatsOf(a), formatsOf(b)];
  const flips = a.flatMap(({ group, modules, format }): readonly Flip[] => {
    const others = modules.flatMap((module) => {
      const other = inB.get(module);
      return other === undefined || other === format ? [] : [{ module, other }];
    });
    const [first] = others;
    if (first === undefined) return [];
    const isOne =
      others.length === modules.length && others.every(({ other }) => other === first.other);
    return isOne
      ? [{ layer: group, modules: modules.length, a: format, b: first.other }]
      : others.map(({ module, other }) => ({ layer: module, modules: 1, a: format, b: other }));
  });
  const only = (
    some: ReadonlyMap<string, string>,
    others: ReadonlyMap<string, string>,
  ): readonly string[] => [...some.keys()].filter((module) => !others.has(module));
  const onlyA = only(inA, inB);
  return {
    both: inA.size - onlyA.length,
    flipped: flips.reduce((sum, { modules }) => sum + modules, 0),
    flips,
    only_a: onlyA,
    only_b: only(inB, inA),
  };
}

const formatsOf = (layers: readonly SchemeLayer[]): ReadonlyMap<string, string> =>
  new Map(
    layers.flatMap(({ modules, format }) => modules.map((module) => [module, format] as const)),
  );
