import { decadeText, logScale, type LogScale } from "../page/log-scale.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import type { Box } from "./label-places.ts";

/** Where a value is drawn along one direction, and its ticks. */
export interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly { readonly place: number; readonly text: string }[];
  /** Where zeros are drawn, if there are any: no logarithmic scale has a place for them. */
  readonly zero: number | null;
}

/** A logarithmic axis from `start` to `end` in pixels; room is left before it for zeros where there are some. */
export function logAxis(values: readonly number[], start: number, end: number): Axis {
  const scale = paddedScale(values.filter((value) => value > 0));
  const zeros = values.some((value) => value <= 0);
  const first = zeros ? start + (end - start) * 0.07 : start;
  const place = (value: number): number =>
    value > 0 ? first + (end - first) * (scale?.position(value) ?? 0) : start;
  const ticks =
    scale === null
      ? []
      : marksOf(scale).map((value) => ({ place: place(value), text: tickText(value) }));
  return { place, ticks, zero: zeros ? start : null };
}

/** A scale with some room on both sides of the values. */
function paddedScale(values: readonly number[]): LogScale | null {
  const scale = logScale(values);
  if (scale === null) return null;
  const span = scale.high / scale.low;
  // Values that are nearly one need a width as well.
  const room = span < 1.5 ? 1.3 : span ** 0.04;
  return logScale([scale.low / room, scale.high * room], 8);
}

/** Powers of ten; where there are few, their doubles and halves as well, and the ends where even those are few. */
function marksOf({ low, high, decades }: LogScale): readonly number[] {
  if (decades.length > 3) return decades;
  const first = Math.floor(Math.log10(low));
  const between = Array.from(
    { length: Math.floor(Math.log10(high)) - first + 1 },
    (_, n) => first + n,
  )
    .flatMap((exponent) => [1, 2, 5].map((step) => Number(`${step}e${exponent}`)))
    .filter((value) => value >= low && value <= high);
  return between.length > 1 ? between : [low, high];
}

const tickText = (value: number): string =>
  Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9
    ? decadeText(value)
    : Number(value.toPrecision(2)).toExponential().replace("e+", "e");

/** Grid, ticks and frame of a plot. */
export function plotFrame(
  { x, y, width, height }: Box,
  across: Axis,
  up: Axis,
  names: { readonly across: string; readonly up: string },
): Html {
  const [right, bottom] = [x + width, y + height];
  const rows = up.ticks.map(
    ({ place, text }) =>
      html`<path class="grid" d="M${x} ${at(place)}H${right}"/><text class="small quiet end" x="${x - 8}" y="${at(place + 4)}">${text}</text>`,
  );
  const columns = across.ticks.map(
    ({ place, text }) =>
      html`<path class="grid" d="M${at(place)} ${y}V${bottom}"/><text class="small quiet middle" x="${at(place)}" y="${bottom + 17}">${text}</text>`,
  );
  const zeroRow =
    up.zero === null
      ? ""
      : html`<text class="small quiet end" x="${x - 8}" y="${at(up.zero + 4)}">0</text>`;
  const zeroColumn =
    across.zero === null
      ? ""
      : html`<text class="small quiet middle" x="${at(across.zero)}" y="${bottom + 17}">0</text>`;
  return html`${rows}${columns}${zeroRow}${zeroColumn}<path class="axis" d="M${x} ${y}V${bottom}H${right}"/><text class="small quiet" x="${x}" y="${y - 10}">${names.up}</text><text class="small quiet end" x="${right}" y="${bottom + 34}">${names.across}</text>`;
}
