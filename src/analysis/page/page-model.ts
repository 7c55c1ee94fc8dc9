import { UNQUANTIZED } from "../formats/label.ts";
import type { PairQuantizers } from "../formats/quantizer.ts";
import type { LayerSensitivity, Manifest } from "../manifest/manifest.ts";
import type { Measurement } from "../report/measurement.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { Scores } from "../scores/scores.ts";
import { weightsOf } from "../groups/layer-group.ts";
import { placeOf, type LayerPlace } from "../groups/layer-place.ts";

/** One manifest that a page shows, and the scores behind it where they are at hand. */
export interface PageAnalysis {
  /** Heading of its column: the pair, for instance `wfp8_afp8`. */
  readonly name: string;
  readonly manifest: Manifest;
  readonly scores?: Scores;
  /** What the pair does with a layer; absent where that is not known. */
  readonly quantizers?: PairQuantizers;
  /** False where no server was tried with a model of this kind: what serves a pair is then not known. */
  readonly served?: false;
  /** How they were measured; null or absent where that is not recorded. */
  readonly measurement?: Measurement | null;
}

/** What all pictures and tables of a page are made from. */
export interface PageModel {
  /** In the model's module order. */
  readonly layers: readonly PageLayer[];
  readonly columns: readonly PageColumn[];
  /** Positions of the layers, those of one kind side by side by rising block. */
  readonly bands: readonly LayerBand[];
}

export interface PageLayer extends LayerPlace {
  readonly name: string;
  readonly weights: number;
}

/** The scores of one format of one analysis. */
export interface PageColumn {
  readonly name: string;
  /** Name of the analysis that it is of. */
  readonly analysis: string;
  readonly format: string;
  /** Bits per weight that a choice of this format is charged. */
  readonly bits: number;
  /** By layer; null where the layer was no candidate and stays at 16 bits. */
  readonly scores: readonly (number | null)[];
}

export interface LayerBand {
  readonly tower: LayerPlace["tower"];
  readonly kind: string;
  readonly layers: readonly number[];
  /** Whether it is in every block or so; others are what the model has once or a few times. */
  readonly row: boolean;
}

/** Refuses analyses that do not cover the same layers: their columns would not stand side by side. */
export function pageModel(
  analyses: readonly [PageAnalysis, ...PageAnalysis[]],
): Analysed<PageModel> {
  const [first, ...others] = analyses;
  const weights = first.manifest.layers.map(({ candidates }) => weightsOf(candidates));
  for (const { name, manifest } of others) {
    const g = manifest.layers.findIndex(
      (layer, at) => layer.name !== first.manifest.layers[at]?.name,
    );
    if (g >= 0 || manifest.layers.length !== first.manifest.layers.length) {
      const where = manifest.layers[g]?.name ?? "";
      const what = `${first.name} (${first.manifest.layers.length} groups) and ${name} (${manifest.layers.length} groups) do not cover the same layer groups`;
      return failed(
        "groups_differ",
        where,
        `${what}${where && `, first at ${where}`}. Show analyses of one model and scope together.`,
      );
    }
  }
  const names = first.manifest.layers.map(({ name }) => name);
  const all = new Set(names);
  const layers = names.map((name, g) => ({
    name,
    weights: weights[g] ?? 0,
    ...placeOf(name, all),
  }));
  return ok({ layers, columns: analyses.flatMap(columnsOf), bands: bandsOf(layers) });
}

function columnsOf({ name, manifest }: PageAnalysis): readonly PageColumn[] {
  const formats = new Map<string, { readonly format: string; readonly bits: number }>();
  for (const { format, bits } of manifest.layers.flatMap(({ candidates }) => candidates)) {
    if (format !== UNQUANTIZED) formats.set(`${format} ${bits}`, { format, bits });
  }
  return [...formats.values()].map(({ format, bits }) => ({
    name: formats.size === 1 ? name : `${name} ${format}`,
    analysis: name,
    format,
    bits,
    scores: manifest.layers.map((layer) => scoreIn(layer, format, bits)),
  }));
}

const scoreIn = ({ candidates }: LayerSensitivity, format: string, bits: number): number | null =>
  candidates.find((candidate) => candidate.format === format && candidate.bits === bits)?.score ??
  null;

function bandsOf(layers: readonly PageLayer[]): readonly LayerBand[] {
  const bands = new Map<string, { tower: LayerPlace["tower"]; kind: string; layers: number[] }>();
  layers.forEach(({ tower, kind }, index) => {
    const band = bands.get(`${tower} ${kind}`);
    if (band === undefined) bands.set(`${tower} ${kind}`, { tower, kind, layers: [index] });
    else band.layers.push(index);
  });
  const block = (index: number): number => layers[index]?.block ?? 0;
  const longest = Math.max(...[...bands.values()].map((band) => band.layers.length));
  const few = Math.min(3, Math.floor(longest / 2));
  return [...bands.values()]
    .map((band) => ({
      ...band,
      layers: band.layers.toSorted((a, b) => block(a) - block(b)),
      row: band.layers.length > few,
    }))
    .toSorted((a, b) => towerOrder(a) - towerOrder(b) || single(a) - single(b));
}

const towerOrder = ({ tower }: LayerBand): number => (tower === "vision" ? 0 : 1);
/** What the model has once or a few times comes after its rows of blocks. */
const single = ({ row }: LayerBand): number => (row ? 0 : 1);
