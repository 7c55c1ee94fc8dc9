/** A rectangle of a drawing. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedLabel {
  readonly x: number;
  /** Of the line that the letters stand on. */
  readonly y: number;
  /** Whether the text ends at `x` instead of beginning there. */
  readonly end: boolean;
}

/** Of letters at 11 pixels, as wide as they get in the fonts of usual systems. */
const LETTER = 6.6;
const LINE = 13;

export const textWidth = (text: string): number => text.length * LETTER;

/**
 * Puts a label beside its point where it covers nothing: right, left, above, below, and then further away
 * in steps of a line. `taken` grows by what was placed.
 */
export function placeLabel(
  text: string,
  point: { readonly x: number; readonly y: number },
  within: Box,
  taken: Box[],
): PlacedLabel {
  const width = textWidth(text);
  const away = 9;
  let fallback: readonly [PlacedLabel, Box] | undefined;
  for (let step = 0; step < 24; step += 1) {
    // 0, then up and down by turns.
    const shift = LINE * Math.ceil(step / 2) * (step % 2 === 0 ? 1 : -1);
    for (const end of [false, true]) {
      const x = end ? point.x - away : point.x + away;
      const box: Box = {
        x: end ? x - width : x,
        y: point.y + shift - LINE / 2,
        width,
        height: LINE,
      };
      if (!isInside(box, within)) continue;
      const label: PlacedLabel = { x, y: box.y + LINE - 3, end };
      fallback ??= [label, box];
      if (taken.some((other) => overlaps(box, other))) continue;
      taken.push(box);
      return label;
    }
  }
  const [label, box] = fallback ?? [{ x: point.x + away, y: point.y + 4, end: false }, null];
  if (box !== null) taken.push(box);
  return label;
}

/** Heights as near as can be to the wanted ones, no two nearer than `apart`, within `from` and `to`; in the same order. */
export function spread(
  wanted: readonly number[],
  apart: number,
  from: number,
  to: number,
): readonly number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const placed = [...wanted];
  let lowest = from;
  for (const index of order) {
    placed[index] = Math.max(placed[index] ?? 0, lowest);
    lowest = (placed[index] ?? 0) + apart;
  }
  let highest = to;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(placed[index] ?? 0, highest);
    highest = (placed[index] ?? 0) - apart;
  }
  return placed;
}

export const overlaps = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const isInside = (box: Box, around: Box): boolean =>
  box.x >= around.x &&
  box.y >= around.y &&
  box.x + box.width <= around.x + around.width &&
  box.y + box.height <= around.y + around.height;
