import { enabledBits, type WeightShare } from "../formats/adjusted-bits.ts";
import { across, curvePath, up, type ChartGrid } from "./shared/chart-grid.ts";
import type { BudgetCurve } from "./shared/curve.ts";
import { colourKey } from "./colour-key.ts";
import { decadeText, logScale, type LogScale } from "./log-scale.ts";
import { html, type Html } from "./shared/html.ts";
import { at, budgetText, scoreText } from "./shared/numbers.ts";
import type { Picture } from "./picture.ts";

export interface FrontierChart {
  readonly picture: Picture;
  readonly grid: ChartGrid;
}

const WIDTH = 1240;
const HEIGHT = 260;
const LEFT = 56;
const TOP = 24;

/** What bits per weight are averaged over, in a few words. */
export const OWN = "layers that may be quantized";
export const ALL = "all layers";

/**
 * Total score against bits per weight, a curve for each choice of candidates; the first one is on.
 *
 * @param offered positions of the pairs whose own curves, which follow the first one, are seen at first
 * @param shares tells bits of all layers from bits of those that may be quantized
 */
export function frontierChart(
  curves: readonly BudgetCurve[],
  shares: readonly WeightShare[],
  offered: ReadonlySet<number>,
  unit: string,
): FrontierChart {
  const steps = curves.flatMap((curve) => curve.steps);
  const scale = logScale(
    steps.map(({ score }) => score),
    6,
  );
  const kept = shares.some(({ enabled }) => !enabled);
  const own = (bits: number): number => enabledBits(shares, bits);
  const all = (bits: number): number => overAll(shares, bits);
  const least = Math.floor(own(Math.min(...steps.map(({ bits }) => bits))) * 2 + 1e-9) / 2;
  const most = Math.ceil(own(Math.max(...steps.map(({ bits }) => bits))) - 1e-9);
  const ends = { from: least, to: Math.max(least + 1, most) };
  const grid: ChartGrid = {
    left: LEFT,
    right: WIDTH - 18,
    top: TOP,
    height: HEIGHT,
    from: all(ends.from),
    to: all(ends.to),
    scale: scale === null ? null : { from: scale.from, to: scale.to },
  };
  const drawn = curves.map(
    (curve, c) =>
      html`<path class="curve${c === 0 ? " on" : offered.has(c - 1) ? "" : " analysis-only"}" d="${curvePath(grid, curve.steps)}"/>`,
  );
  const [first] = curves;
  const chosen = first?.steps[first.chosen];
  const [x, y] = [at(across(grid, chosen?.bits ?? 0)), at(up(grid, chosen?.score ?? 0))];
  const mark =
    chosen === undefined
      ? ""
      : html`<g id="budget-mark"><path class="chosen" d="M${x} ${TOP}V${TOP + HEIGHT}"/><circle class="handle" cx="${x}" cy="${y}" r="6"/></g>`;
  const bottom = TOP + HEIGHT + (kept ? 60 : 44);
  const key =
    first === undefined || curves.length === 1
      ? ""
      : colourKey(LEFT, bottom - 8, first.name, "each pair alone, or 16 bits");
  return {
    picture: {
      id: "frontier",
      title: "What each budget costs",
      description: `Across, bits per weight of the ${kept ? `${OWN}, below them the same over ${ALL}` : OWN}; up, the least total score that they allow, logarithmic.${
        chosen === undefined
          ? ""
          : ` The mark stands at ${budgetText(own(chosen.bits))} bits with a score of ${scoreText(chosen.score)}.`
      } ${unit}.`,
      width: WIDTH,
      height: bottom,
      body: html`${axes(scale, grid)}${ticks(grid, ends, kept ? all : null)}${drawn.toReversed()}${mark}${key}`,
    },
    grid,
  };
}

/** The average over all layers of a plan with `bits` on average over those that may be quantized. */
function overAll(shares: readonly WeightShare[], bits: number): number {
  const flipped = shares.map(({ weights, enabled }) => ({ weights, bits: enabled ? bits : 16 }));
  const total = flipped.reduce((sum, { weights }) => sum + weights, 0);
  return flipped.reduce((sum, { weights, bits: own }) => sum + weights * own, 0) / total;
}

function axes(scale: LogScale | null, grid: ChartGrid): Html {
  const { left, right, top, height } = grid;
  const decades = (scale?.decades ?? []).map((decade) => {
    const y = up(grid, decade);
    return html`<path class="grid" d="M${left} ${at(y)}H${right}"/><text class="small quiet end" x="${left - 8}" y="${at(y + 4)}">${decadeText(decade)}</text>`;
  });
  const bottom = top + height;
  return html`${decades}<text class="small quiet end" x="${left - 8}" y="${bottom + 4}">0</text><text class="small quiet" x="${left - 8}" y="${top - 10}">total score</text><path class="axis" d="M${left} ${top}V${bottom}H${right}"/>`;
}

/** Whole bits of the layers that may be quantized, and below them what they come to over all layers. */
function ticks(
  grid: ChartGrid,
  { from, to }: { readonly from: number; readonly to: number },
  all: ((bits: number) => number) | null,
): Html {
  const { left, right, top, height } = grid;
  const bottom = top + height;
  const marks: Html[] = [];
  for (let bits = Math.ceil(from); bits <= to; bits += 1) {
    const x = at(left + ((right - left) * (bits - from)) / (to - from));
    marks.push(
      html`<path class="axis" d="M${x} ${bottom}v5"/><text class="small middle" x="${x}" y="${bottom + 18}">${bits}</text>`,
    );
    if (all !== null)
      marks.push(
        html`<text class="small quiet middle" x="${x}" y="${bottom + 33}">${all(bits).toFixed(2)}</text>`,
      );
  }
  const says =
    all === null
      ? `bits per weight of the ${OWN}`
      : `bits per weight: above, of the ${OWN}; below, of ${ALL}`;
  const last = bottom + (all === null ? 36 : 52);
  return html`${marks}<text class="small quiet end" x="${right}" y="${last}">${says}</text>`;
}
