import { decadeText, logScale, type LogScale } from "./log-scale.ts";
import { at, escaped } from "./markup.ts";
import type { LayerBand, PageModel } from "./page-model.ts";
import type { Picture } from "./picture.ts";

const PANEL = { width: 268, height: 150, left: 46, top: 26, bottom: 22 };
const GAP = 14;
const ACROSS = 4;

/** Small multiples, one a kind of layer, on one scale: which kinds and which depths are sensitive. */
export function depthChart(model: PageModel, unit: string): Picture {
  const scale = logScale(
    model.columns.flatMap(({ scores }) => scores.map((score) => score ?? 0)),
    5,
  );
  const measured = ({ layers }: LayerBand): boolean =>
    layers.some((layer) => model.columns.some(({ scores }) => (scores[layer] ?? null) !== null));
  const shown = model.bands.filter(measured);
  const rows = shown.filter(({ layers }) => layers.length > 3);
  const single = shown.filter(({ layers }) => layers.length <= 3);
  const panels = [
    ...rows.map((band) => (x: number, y: number) => panel(model, band, scale, x, y)),
    ...(single.length === 0 ? [] : [(x: number, y: number) => singles(model, single, scale, x, y)]),
  ];
  const step = { x: PANEL.width + GAP, y: PANEL.height + PANEL.top + PANEL.bottom + GAP };
  const body = panels.map((draw, i) =>
    draw((i % ACROSS) * step.x, Math.floor(i / ACROSS) * step.y),
  );
  const left = model.layers.length - shown.reduce((sum, { layers }) => sum + layers.length, 0);
  const kept = left === 0 ? "" : ` ${left} layers that were kept at 16 bits are left out.`;
  return {
    id: "depth",
    title: "Sensitivity along the depth of the model",
    description: `One panel a kind of layer; across, the block from the first to the last; up, the score, logarithmic and the same in all panels. ${unit}.${kept}`,
    width: ACROSS * step.x - GAP,
    height: Math.max(1, Math.ceil(panels.length / ACROSS)) * step.y - GAP,
    body: body.join(""),
  };
}

function frame(title: string, scale: LogScale | null, x: number, y: number): string {
  const { width, height, left, top } = PANEL;
  const ticks = (scale?.decades ?? []).map((decade) => {
    const line = at(y + top + height * (1 - (scale?.position(decade) ?? 0)));
    return `<path class="grid" d="M${x + left} ${line}H${x + width}"/><text class="small quiet end" x="${x + left - 6}" y="${at(Number(line) + 4)}">${decadeText(decade)}</text>`;
  });
  const axes = `<path class="axis" d="M${x + left} ${y + top}v${height}h${width - left}"/>`;
  return `<text class="strong" x="${x + left}" y="${y + 14}">${escaped(title)}</text>${ticks.join("")}${axes}`;
}

function panel(
  model: PageModel,
  { tower, kind, layers }: LayerBand,
  scale: LogScale | null,
  x: number,
  y: number,
): string {
  const { width, height, left, top } = PANEL;
  const across = (i: number): number =>
    x + left + ((width - left) * i) / Math.max(1, layers.length - 1);
  const up = (score: number): number => y + top + height * (1 - (scale?.position(score) ?? 0));
  const curves = model.columns.map(({ scores }, column) => {
    let pen = "M";
    const path = layers
      .map((layer, i) => {
        const score = scores[layer] ?? null;
        if (score === null) {
          pen = "M";
          return "";
        }
        const point = `${pen}${at(across(i))} ${at(up(score))}`;
        pen = "L";
        return point;
      })
      .join("");
    return `<path class="curve${column === 0 ? " on" : ""}" data-column="${column}" d="${path}"/>`;
  });
  const block = (i: number): number => model.layers[layers[i] ?? 0]?.block ?? i;
  const ends = [0, layers.length - 1].map(
    (i) =>
      `<text class="small quiet ${i === 0 ? "" : "end"}" x="${at(across(i))}" y="${y + top + height + 15}">${i === 0 ? "block " : ""}${block(i)}</text>`,
  );
  return `${frame(`${tower}: ${kind}`, scale, x, y)}${curves.join("")}${ends.join("")}`;
}

function singles(
  model: PageModel,
  bands: readonly LayerBand[],
  scale: LogScale | null,
  x: number,
  y: number,
): string {
  const { width, height, left, top } = PANEL;
  const layers = bands.flatMap((band) => band.layers);
  const across = (i: number): number => x + left + ((width - left) * (i + 0.5)) / layers.length;
  const up = (score: number): number => y + top + height * (1 - (scale?.position(score) ?? 0));
  const dots = model.columns.flatMap(({ scores }, column) =>
    layers.flatMap((layer, i) => {
      const score = scores[layer] ?? null;
      if (score === null) return [];
      return [
        `<circle class="dot${column === 0 ? " on" : ""}" data-column="${column}" cx="${at(across(i))}" cy="${at(up(score))}" r="2.5"/>`,
      ];
    }),
  );
  const names = layers.map((layer, i) => {
    const { kind = "", block = null } = model.layers[layer] ?? {};
    const text = block === null ? kind : `${kind} ${block}`;
    const place = `${at(across(i) + 4)} ${y + top + height - 4}`;
    return `<text class="small quiet" transform="translate(${place}) rotate(-90)">${escaped(text)}</text>`;
  });
  return `${frame("once in the model", scale, x, y)}${names.join("")}${dots.join("")}`;
}
