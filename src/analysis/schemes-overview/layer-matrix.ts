import { UNQUANTIZED } from "../formats/label.ts";
import { placeOf } from "../groups/layer-place.ts";
import type { Scheme, SchemeLayer } from "../schemes/scheme.ts";
import type { SchemesOverview } from "./overview.ts";

/** Which layer gets which format in which scheme: layers down, schemes across. */
export interface LayerMatrix {
  /** Schemes whose layers are chosen, in the order of the declaration. */
  readonly schemes: readonly string[];
  /** Formats that any scheme uses, by name; the unquantized one is not among them. */
  readonly formats: readonly string[];
  /** In module order. */
  readonly rows: readonly MatrixRow[];
}

export interface MatrixRow {
  /** Module path of the group's first member. */
  readonly layer: string;
  readonly modules: readonly string[];
  /** Where it stands in a few words: `language 0 q k v`. */
  readonly place: string;
  /** By scheme; null where the scheme does not know the layer. */
  readonly formats: readonly (string | null)[];
  /** Whether two schemes decide otherwise. */
  readonly differs: boolean;
}

/** A group of one scheme whose modules have several formats in another one. */
export const MIXED = "mixed";

export function layerMatrix({ schemes }: Pick<SchemesOverview, "schemes">): LayerMatrix {
  const chosen = schemes.flatMap(({ scheme }) => (scheme === null ? [] : [scheme]));
  const byModule = chosen.map(formatsByModule);
  const groups = groupsOf(chosen);
  const paths = new Set(groups.map(({ group }) => group));
  const rows = groups.map(({ group, modules }): MatrixRow => {
    const formats = byModule.map((known) => formatOf(modules, known));
    const { tower, kind, block } = placeOf(group, paths);
    return {
      layer: group,
      modules,
      place: [tower, ...(block === null ? [] : [String(block)]), kind].join(" "),
      formats,
      differs: new Set(formats.filter((format) => format !== null)).size > 1,
    };
  });
  const used = new Set(rows.flatMap(({ formats }) => formats.filter((format) => format !== null)));
  used.delete(UNQUANTIZED);
  return { schemes: chosen.map(({ name }) => name), formats: [...used].sort(), rows };
}

const formatsByModule = ({ layers }: Scheme): ReadonlyMap<string, string> =>
  new Map(
    layers.flatMap(({ modules, format }) => modules.map((module) => [module, format] as const)),
  );

/** Groups in the order of the first scheme; those that only later ones have come after. */
function groupsOf(schemes: readonly Scheme[]): readonly Pick<SchemeLayer, "group" | "modules">[] {
  const known = new Set<string>();
  return schemes.flatMap(({ layers }) =>
    layers.flatMap(({ group, modules }) => {
      const fresh = modules.filter((module) => !known.has(module));
      for (const module of fresh) known.add(module);
      const [first] = fresh;
      return first === undefined
        ? []
        : [{ group: fresh.length === modules.length ? group : first, modules: fresh }];
    }),
  );
}

function formatOf(modules: readonly string[], known: ReadonlyMap<string, string>): string | null {
  const formats = new Set(modules.map((module) => known.get(module) ?? null));
  const [only = null] = formats;
  return formats.size === 1 ? only : MIXED;
}

/** A format in as few letters as a cell has room for: `int8/int8` for weights and inputs, `int8` for weights alone. */
export function shortFormat(format: string): string {
  if (format === UNQUANTIZED) return "16";
  const [, weight, input] = /^w([a-z0-9]+)_a([a-z0-9]+)$/.exec(format) ?? [];
  if (weight === undefined || input === undefined) return format.replace(/_CFG$/, "");
  return input === "fp16" ? weight : `${weight}/${input}`;
}
