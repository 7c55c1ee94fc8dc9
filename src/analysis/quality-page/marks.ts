import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import type { RowKind } from "../quality-report/names.ts";

/** What stands for a kind or a candidate in a chart: told apart by shape as well as by colour. */
export const SHAPES = [
  "circle",
  "square",
  "triangle",
  "diamond",
  "cross",
  "star",
  "ring",
  "peak",
] as const;
export type Shape = (typeof SHAPES)[number];

export const KIND_SHAPES: Readonly<Record<RowKind, Shape>> = {
  solver: "circle",
  uniform: "cross",
  inverted: "triangle",
  heuristic: "square",
  weight_error: "diamond",
  random: "ring",
  recipe: "star",
  start: "peak",
};

/** Outlines around 0, for a mark of radius 1; corners stand out as far as looks of equal size. */
const CORNERS: Readonly<
  Record<"square" | "triangle" | "peak" | "diamond" | "star", readonly number[]>
> = {
  square: [-0.9, -0.9, 0.9, -0.9, 0.9, 0.9, -0.9, 0.9],
  triangle: [-1.15, -0.9, 1.15, -0.9, 0, 1.15],
  peak: [-1.15, 0.9, 1.15, 0.9, 0, -1.15],
  diamond: [0, -1.3, 1.1, 0, 0, 1.3, -1.1, 0],
  star: starCorners(1.6, 0.68),
};

function starCorners(outer: number, inner: number): readonly number[] {
  return Array.from({ length: 10 }, (_, n) => {
    const radius = n % 2 === 0 ? outer : inner;
    const angle = (Math.PI * n) / 5;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  }).flat();
}

/** The path of a shape around a point. */
export function shapePath(shape: Shape, x: number, y: number, radius: number): string {
  if (shape === "circle" || shape === "ring") {
    const across = at(radius * 2);
    const r = at(radius);
    return `M${at(x - radius)} ${at(y)}a${r} ${r} 0 1 0 ${across} 0a${r} ${r} 0 1 0 -${across} 0z`;
  }
  if (shape === "cross") {
    const [a, b] = [at(radius), at(radius * 2)];
    return `M${at(x - radius)} ${at(y - radius)}l${b} ${b}M${at(x + radius)} ${at(y - Number(a))}l-${b} ${b}`;
  }
  const corners = CORNERS[shape];
  const points: string[] = [];
  for (let n = 0; n < corners.length; n += 2) {
    points.push(`${at(x + radius * (corners[n] ?? 0))} ${at(y + radius * (corners[n + 1] ?? 0))}`);
  }
  return `M${points.join("L")}z`;
}

/** A mark with what it stands for as its tooltip. */
export const mark = (
  { shape, look }: { readonly shape: Shape; readonly look: string },
  x: number,
  y: number,
  radius: number,
  says: string,
): Html =>
  html`<path class="mark ${shape} ${look}" d="${shapePath(shape, x, y, radius)}"><title>${says}</title></path>`;
