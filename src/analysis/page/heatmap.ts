import { heatLegend, paintCells, type HeatCell } from "./heat-cells.ts";
import { logScale } from "./log-scale.ts";
import { html, type Html } from "./shared/html.ts";
import type { LayerBand, PageModel } from "./page-model.ts";
import { at, numbered } from "./shared/numbers.ts";
import type { HeatGrid } from "./shared/page-data.ts";
import { HATCH, type Picture } from "./picture.ts";

export interface Heatmap {
  readonly picture: Picture;
  readonly grid: HeatGrid;
}

const LABELS = 116;
const TOP = 46;

/** With several pairs, layers x pairs; with one, its blocks x kinds. */
export const heatmap = (model: PageModel, unit: string): Heatmap =>
  model.columns.length > 1 ? pairsByLayers(model, unit) : kindsByBlocks(model, unit);

/** Bands too narrow for a name share one, by tower. */
interface Stripe {
  readonly tower: LayerBand["tower"];
  readonly name: string;
  readonly layers: readonly number[];
  readonly cell: number;
}

function stripes({ bands }: PageModel): readonly Stripe[] {
  const wide = bands.filter(({ row }) => row);
  return (["vision", "language"] as const).flatMap((tower) => {
    const named = wide
      .filter((band) => band.tower === tower)
      .map(({ kind, layers }) => ({
        tower,
        name: kind,
        layers,
        cell: layers.length > 12 ? 4 : 14,
      }));
    const rest = bands.filter((band) => band.tower === tower && !band.row);
    const layers = rest.flatMap((band) => band.layers);
    const hasMergers = rest.some(({ kind }) => kind.startsWith("merger"));
    const name =
      rest.length === 1 ? (rest[0]?.kind ?? "") : hasMergers ? "patch, mergers" : "others";
    return layers.length === 0 ? named : [...named, { tower, name, layers, cell: 10 }];
  });
}

function pairsByLayers(model: PageModel, unit: string): Heatmap {
  const id = "heatmap";
  const scale = logScale(
    model.columns.flatMap(({ scores }) => scores.map((score) => score ?? 0)),
    6,
  );
  const height = 20;
  const rows = model.columns.map((_, row) => ({ y: TOP + row * height, height: height - 2 }));
  const columns: { x: number; width: number }[] = [];
  const order: number[] = [];
  const labels: Html[] = [];
  let x = LABELS;
  let tower = "";
  for (const stripe of stripes(model)) {
    if (stripe.tower !== tower && tower !== "") x += 8;
    if (stripe.tower !== tower)
      labels.push(html`<text class="strong" x="${x}" y="14">${stripe.tower}</text>`);
    tower = stripe.tower;
    labels.push(html`<text class="small quiet" x="${x}" y="${TOP - 14}">${stripe.name}</text>`);
    labels.push(
      html`<path class="axis" d="M${x} ${TOP - 6}h${stripe.layers.length * stripe.cell}"/>`,
    );
    for (const layer of stripe.layers) {
      columns.push({ x, width: stripe.cell });
      order.push(layer);
      x += stripe.cell;
    }
    x += Math.max(6, stripe.name.length * 6 - stripe.layers.length * stripe.cell + 6);
  }
  const bottom = TOP + rows.length * height;
  const cells: HeatCell[] = rows.flatMap(({ y, height: tall }, row) =>
    columns.map(({ x: left, width }, c) => ({
      x: left,
      y,
      width,
      height: tall,
      score: model.columns[row]?.scores[order[c] ?? 0] ?? null,
    })),
  );
  const names = model.columns.map(
    ({ name }, row) =>
      html`<text class="small end" x="${LABELS - 8}" y="${(rows[row]?.y ?? 0) + 13}">${name}</text>`,
  );
  const legend = heatLegend(id, scale, LABELS, bottom + 14);
  return {
    picture: {
      id,
      title: "Sensitivity of every layer to every pair",
      description: `One row a pair, one column a layer; layers of one kind stand side by side from the first block to the last. Darker on light ground, brighter on dark ground, is more sensitive. ${unit}.`,
      width: Math.max(x, legend.right),
      height: bottom + 46,
      body: html`${HATCH(id)}${labels}${names}${paintCells(id, cells, scale)}${legend.markup}`,
    },
    grid: {
      rows,
      columns,
      cells: rows.map((_, row) => order.map((layer) => [row, layer] as const)),
    },
  };
}

function kindsByBlocks(model: PageModel, unit: string): Heatmap {
  const id = "heatmap";
  const scores = model.columns[0]?.scores ?? [];
  const scale = logScale(
    scores.map((score) => score ?? 0),
    6,
  );
  const blocks = Math.max(1, ...model.bands.map(({ layers }) => layers.length));
  const size = { width: Math.max(12, Math.min(28, Math.floor(1000 / blocks))), height: 20 };
  const columns = Array.from({ length: blocks }, (_, b) => ({
    x: LABELS + 30 + b * size.width,
    width: size.width,
  }));
  const rows: { y: number; height: number }[] = [];
  const grid: (readonly [number, number] | null)[][] = [];
  const cells: HeatCell[] = [];
  const labels: Html[] = [];
  const left = LABELS + 22;
  let y = 24;
  let tower = "";
  for (const band of model.bands) {
    if (band.tower !== tower) {
      y += tower === "" ? 0 : 14;
      labels.push(html`<text class="strong" x="0" y="${y + 14}">${band.tower}</text>`);
    }
    tower = band.tower;
    labels.push(html`<text class="small end" x="${left}" y="${y + 14}">${band.kind}</text>`);
    rows.push({ y, height: size.height - 2 });
    grid.push(columns.map((_, b) => (band.layers[b] === undefined ? null : [0, band.layers[b]])));
    band.layers.forEach((layer, b) => {
      const place = { x: columns[b]?.x ?? 0, y, width: size.width - 1, height: size.height - 2 };
      cells.push({ ...place, score: scores[layer] ?? null });
    });
    y += size.height;
  }
  const every = numbered(blocks);
  const legend = heatLegend(id, scale, LABELS + 30, y + 14);
  const numbers = columns.flatMap(({ x }, b) =>
    b % every === 0
      ? [html`<text class="small quiet middle" x="${at(x + size.width / 2)}" y="14">${b}</text>`]
      : [],
  );
  return {
    picture: {
      id,
      title: `Sensitivity by kind of layer and block${model.columns[0] === undefined ? "" : `, ${model.columns[0].name}`}`,
      description: `One row a kind of layer, one column a block, from the first to the last. Darker on light ground, brighter on dark ground, is more sensitive. ${unit}.`,
      width: Math.max(legend.right, LABELS + 30 + blocks * size.width),
      height: y + 46,
      body: html`${HATCH(id)}${numbers}${labels}${paintCells(id, cells, scale)}${legend.markup}`,
    },
    grid: { rows, columns, cells: grid },
  };
}
