import { decadeText, logScale, type LogScale } from "./log-scale.ts";
import { colourKey } from "./colour-key.ts";
import { html, type Html } from "./shared/html.ts";
import { at } from "./shared/numbers.ts";
import type { LayerBand, PageModel } from "./page-model.ts";
import type { Picture } from "./picture.ts";

const PANEL = { width: 300, height: 150, left: 46, top: 26, bottom: 22 };
const GAP = 14;
const KEY = 24;
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
  const rows = shown.filter(({ row }) => row);
  const single = shown.filter(({ row }) => !row);
  const panels = [
    ...rows.map((band) => (x: number, y: number) => panel(model, band, scale, x, y)),
    ...(single.length === 0 ? [] : [(x: number, y: number) => singles(model, single, scale, x, y)]),
  ];
  const step = { x: PANEL.width + GAP, y: PANEL.height + PANEL.top + PANEL.bottom + GAP };
  // The names of what is there once need the room of two panels.
  const last = panels.length - 1;
  const places = panels.map((_, i) =>
    single.length > 0 && i === last && i % ACROSS === 3 ? i + 1 : i,
  );
  const body = panels.map((draw, i) =>
    draw(((places[i] ?? i) % ACROSS) * step.x, Math.floor((places[i] ?? i) / ACROSS) * step.y),
  );
  const rowsDown = Math.floor((places.at(-1) ?? 0) / ACROSS) + 1;
  const [front, ...behind] = model.columns;
  const key =
    front === undefined || behind.length === 0
      ? ""
      : colourKey(PANEL.left, rowsDown * step.y, front.name, `the other ${behind.length} pairs`);
  const left = model.layers.length - shown.reduce((sum, { layers }) => sum + layers.length, 0);
  const kept = left === 0 ? "" : ` ${left} layers that were kept at 16 bits are left out.`;
  return {
    id: "depth",
    title: "Sensitivity along the depth of the model",
    description: `One panel a kind of layer; across, the block from the first to the last; up, the score, logarithmic and the same in all panels. ${unit}.${kept}`,
    width: ACROSS * step.x - GAP,
    height: rowsDown * step.y - GAP + (key === "" ? 0 : KEY),
    body: html`${body}${key}`,
  };
}

function frame(title: string, scale: LogScale | null, x: number, y: number): Html {
  const { width, height, left, top } = PANEL;
  const ticks = (scale?.decades ?? []).map((decade) => {
    const line = at(y + top + height * (1 - (scale?.position(decade) ?? 0)));
    return html`<path class="grid" d="M${x + left} ${line}H${x + width}"/><text class="small quiet end" x="${x + left - 6}" y="${at(Number(line) + 4)}">${decadeText(decade)}</text>`;
  });
  const axes = html`<path class="axis" d="M${x + left} ${y + top}v${height}h${width - left}"/>`;
  return html`<text class="strong" x="${x + left}" y="${y + 14}">${title}</text>${ticks}${axes}`;
}

function panel(
  model: PageModel,
  { tower, kind, layers }: LayerBand,
  scale: LogScale | null,
  x: number,
  y: number,
): Html {
  const { width, height, left, top } = PANEL;
  const across = (i: number): number =>
    x + left + ((width - left) * i) / Math.max(1, layers.length - 1);
  const up = (score: number): number => y + top + height * (1 - (scale?.position(score) ?? 0));
  const curves = inFront(model.columns).map(([{ scores }, column]) => {
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
    return html`<path class="curve${column === 0 ? " on" : ""}" data-column="${column}" d="${path}"/>`;
  });
  const block = (i: number): number => model.layers[layers[i] ?? 0]?.block ?? i;
  const ends = [0, layers.length - 1].map(
    (i) =>
      html`<text class="small quiet ${i === 0 ? "" : "end"}" x="${at(across(i))}" y="${y + top + height + 15}">${i === 0 ? "block " : ""}${block(i)}</text>`,
  );
  return html`${frame(`${tower}: ${kind}`, scale, x, y)}${curves}${ends}`;
}

/** A row a layer, since their names need the room; across, the scale that panels have upwards. */
function singles(
  model: PageModel,
  bands: readonly LayerBand[],
  scale: LogScale | null,
  x: number,
  y: number,
): Html {
  const layers = bands.flatMap((band) => band.layers);
  const left = x + PANEL.left + 130;
  const across = (score: number): number =>
    left + (PANEL.width - PANEL.left) * (scale?.position(score) ?? 0);
  const down = (i: number): number => y + PANEL.top + (PANEL.height * (i + 0.5)) / layers.length;
  const bottom = y + PANEL.top + PANEL.height;
  const rows = layers.map((layer, i) => {
    const { kind = "", block = null } = model.layers[layer] ?? {};
    const name = block === null ? kind : `${kind} ${block}`;
    const dots = inFront(model.columns).map(([{ scores }, column]) => {
      const score = scores[layer] ?? null;
      if (score === null) return "";
      return html`<circle class="dot${column === 0 ? " on" : ""}" data-column="${column}" cx="${at(across(score))}" cy="${at(down(i))}" r="3"/>`;
    });
    const label = html`<text class="small end" x="${left - 10}" y="${at(down(i) + 4)}">${name}</text>`;
    return html`<g><path class="grid" d="M${left} ${at(down(i))}h${PANEL.width - PANEL.left}"/>${label}${dots}</g>`;
  });
  const ticks = (scale?.decades ?? []).map((decade) => {
    const tick = at(across(decade));
    return html`<path class="axis" d="M${tick} ${bottom}v4"/><text class="small quiet middle" x="${tick}" y="${bottom + 16}">${decadeText(decade)}</text>`;
  });
  const axis = html`<path class="axis" d="M${left} ${y + PANEL.top}v${PANEL.height}h${PANEL.width - PANEL.left}"/>`;
  return html`<text class="strong" x="${left}" y="${y + 14}">once in the model</text>${rows}${axis}${ticks}`;
}

/** With their positions, the highlighted one last: what is drawn last is on top. */
const inFront = <T>(columns: readonly T[]): readonly (readonly [T, number])[] =>
  columns.map((column, index) => [column, index] as const).toReversed();
