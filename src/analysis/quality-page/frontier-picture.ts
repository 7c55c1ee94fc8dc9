import type { Picture } from "../page/picture.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import { wholeModelBits } from "../quality/whole-model.ts";
import type { MeasuredFrontier, Word } from "../quality/measured-frontier.ts";
import { planRows, type PlanRow } from "../quality-report/plan-rows.ts";
import { intervalText, sizeText, smallText } from "../quality-report/figure-text.ts";
import { KINDS, recipeName, scopeName, type RowKind } from "../quality-report/names.ts";
import { placeLabel, spread, type Box } from "./label-places.ts";
import { KIND_SHAPES, mark, shapePath } from "./marks.ts";
import { logAxis, plotFrame, type Axis } from "./plot.ts";
import markStyles from "./styles/marks.css?raw";

const PLOT: Box = { x: 64, y: 34, width: 990, height: 400 };
const WIDTH = 1240;
const BOTTOM = PLOT.y + PLOT.height;

/** Kinds that have a plan at each budget, from the back to the front. */
const LINES = ["inverted", "heuristic", "weight_error", "solver"] as const;

interface Point {
  readonly row: PlanRow;
  readonly x: number;
  readonly y: number;
}

/** Size against measured divergence: the frontier with its intervals, and every control and recipe. */
export function frontierPicture(frontier: MeasuredFrontier): Picture {
  const rows = planRows(frontier);
  const across = bitsAxis(rows.map(({ measured }) => measured.bits));
  const up = logAxis(
    rows.flatMap(({ kind, measured: { kl } }) =>
      kind === "random" ? [kl.value] : [kl.value, kl.low, kl.high],
    ),
    BOTTOM,
    PLOT.y,
  );
  const points = rows.map((row) => ({
    row,
    x: across.place(row.measured.bits),
    y: up.place(row.measured.kl.value),
  }));
  const of = (kind: RowKind): readonly Point[] => points.filter(({ row }) => row.kind === kind);
  const shown = LINES.filter((kind) => of(kind).length > 0);
  return {
    id: "quality-frontier",
    title: "Size against measured KL",
    description: `Across, average bits of a weight over the ${scopeName(frontier)} that may be quantized, and below them those of the whole model; up, the KL to the unquantized model in nats a token, logarithmic: lower is better. Compare marks that stand above each other. Upright bars are 95\u00a0% intervals; the band goes from the lowest to the highest random plan of a size.`,
    width: WIDTH,
    height: BOTTOM + 96,
    styles: markStyles,
    body: html`${plotFrame(PLOT, across, up, { across: "", up: "KL to the unquantized model, nats a token" })}${bitsNames(frontier, across)}${randomBand(frontier, across, up)}${of("random").map(pointMark)}${shown.map((kind) => line(of(kind), kind))}${[...shown, "uniform" as const, "recipe" as const].map((kind) => marksOf(of(kind), up))}${lineNames(points, shown)}${pointNames(points)}${legend(rows)}`,
  };
}

function bitsAxis(bits: readonly number[]): Axis {
  const [from, to] = [Math.floor(Math.min(...bits) * 2) / 2, Math.ceil(Math.max(...bits) * 2) / 2];
  const [start, end] = [PLOT.x + 14, PLOT.x + PLOT.width - 14];
  const place = (value: number): number =>
    start + ((end - start) * (value - from)) / Math.max(0.5, to - from);
  const step = to - from > 8 ? 1 : 0.5;
  const ticks: { place: number; text: string }[] = [];
  for (let value = from; value <= to; value += step) {
    ticks.push({ place: place(value), text: String(value) });
  }
  return { place, ticks, zero: null };
}

/** What the ticks are, and the sizes of the whole model that they mean. */
function bitsNames(frontier: MeasuredFrontier, across: Axis): Html {
  const name = (y: number, text: string): Html =>
    html`<text class="small quiet" x="${PLOT.x + PLOT.width + 14}" y="${y}">${text}</text>`;
  const bits = name(BOTTOM + 17, "bits per weight");
  if (frontier.whole_model === null) return bits;
  const whole = across.ticks.map(
    ({ place, text }) =>
      html`<text class="small quiet middle" x="${at(place)}" y="${BOTTOM + 34}">${sizeText(wholeModelBits(frontier, Number(text)) ?? 0)}</text>`,
  );
  return html`${bits}${whole}${name(BOTTOM + 34, "whole model, bits")}`;
}

/** From the lowest to the highest random plan, and their mean, at each budget. */
function randomBand({ verdicts, plans }: MeasuredFrontier, across: Axis, up: Axis): Html | "" {
  const named = new Map(plans.map((plan) => [plan.name, plan]));
  const sizeOf = (names: readonly string[]): number => {
    const sizes = names.flatMap((name) => named.get(name)?.bits ?? []);
    return sizes.reduce((sum, bits) => sum + bits, 0) / Math.max(1, sizes.length);
  };
  if (verdicts.length === 0) return "";
  const ends = verdicts.map(({ random }) => ({
    x: at(across.place(sizeOf(random.plans))),
    low: at(up.place(random.lowest)),
    high: at(up.place(random.highest)),
    mean: at(up.place(random.kl.value)),
  }));
  const band = [
    ...ends.map(({ x, high }) => `${x} ${high}`),
    ...ends.toReversed().map(({ x, low }) => `${x} ${low}`),
  ].join("L");
  return html`<path class="band" d="M${band}z"/><path class="line random" d="M${ends.map(({ x, mean }) => `${x} ${mean}`).join("L")}"/>`;
}

const bySize = (points: readonly Point[]): readonly Point[] =>
  points.toSorted((a, b) => a.x - b.x || a.y - b.y);

const line = (points: readonly Point[], kind: RowKind): Html =>
  html`<path class="line ${kind}" d="M${bySize(points)
    .map(({ x, y }) => `${at(x)} ${at(y)}`)
    .join("L")}"/>`;

/** Marks with their intervals, so that a bar is behind no mark of its own kind. */
const marksOf = (points: readonly Point[], up: Axis): Html =>
  html`${points.map(({ row, x }) => {
    const { low, high } = row.measured.kl;
    return html`<path class="bar ${row.kind}" d="M${at(x)} ${at(up.place(low))}V${at(up.place(high))}"/>`;
  })}${points.map(pointMark)}`;

function pointMark({ row, x, y }: Point): Html {
  const { kind, measured, word, because } = row;
  const called = kind === "recipe" ? recipeName(measured.name) : measured.name;
  const says = `${called}: ${sizeText(measured.bits)} bits, KL ${intervalText(measured.kl, smallText)}, ${word}${because === null ? "" : ` (${because})`}`;
  const look = kind === "solver" ? `solver ${lookOf(word)}` : kind;
  const radius = kind === "random" ? 2.5 : kind === "solver" ? 5 : 4.5;
  const drawn = mark({ shape: KIND_SHAPES[kind], look }, x, y, radius, says);
  return word === "not separable" && kind === "solver" ? html`${drawn}${slash(x, y)}` : drawn;
}

/** Proven plans are filled; the others are hollow, and have a stroke through them where nothing can be told apart. */
const lookOf = (word: string): string => (word === "proven" ? "proven" : "hollow");

const slash = (x: number, y: number): Html =>
  html`<path class="slash" d="M${at(x - 5)} ${at(y + 5)}l10 -10"/>`;

/** Names at the right end of each line, apart from each other. */
function lineNames(points: readonly Point[], shown: readonly (typeof LINES)[number][]): Html {
  const kinds: readonly RowKind[] = points.some(({ row }) => row.kind === "random")
    ? [...shown, "random"]
    : shown;
  const last = kinds.map((kind) => {
    const own = bySize(points.filter(({ row }) => row.kind === kind));
    const end = own.at(-1) ?? { x: PLOT.x, y: PLOT.y };
    if (kind !== "random") return { kind, x: end.x, y: end.y };
    const beside = own.filter(({ x }) => end.x - x < 4);
    return { kind, x: end.x, y: beside.reduce((sum, { y }) => sum + y, 0) / beside.length };
  });
  const heights = spread(
    last.map(({ y }) => y),
    17,
    PLOT.y,
    BOTTOM - 8,
  );
  const x = PLOT.x + PLOT.width + 26;
  return html`${last.map(({ kind, x: from, y }, n) => {
    const height = heights[n] ?? y;
    const leader = html`<path class="leader" d="M${at(from + 7)} ${at(y)}L${x - 14} ${at(height)}"/>`;
    const look = kind === "solver" ? "solver proven" : kind;
    const name = kind === "random" ? "random, and their mean" : KINDS[kind].name;
    return html`${leader}<path class="mark ${KIND_SHAPES[kind]} ${look}" d="${shapePath(KIND_SHAPES[kind], x - 4, height, 4.5)}"/><text class="${kind === "solver" ? "strong" : ""}" x="${x + 8}" y="${at(height + 4)}">${name}</text>`;
  })}`;
}

/** Uniform formats and recipes are named where they stand. */
function pointNames(points: readonly Point[]): Html {
  const named = points.filter(({ row: { kind } }) => kind === "uniform" || kind === "recipe");
  const taken: Box[] = points
    .filter(({ row: { kind } }) => kind !== "random")
    .map(({ x, y }) => ({ x: x - 5, y: y - 5, width: 10, height: 10 }));
  return html`${named.map(({ row: { kind, measured }, x, y }) => {
    const text =
      kind === "recipe"
        ? recipeName(measured.name)
        : `all ${measured.name.replace(/^uniform-/, "")}`;
    const label = placeLabel(text, { x, y }, PLOT, taken);
    return html`<text class="small name${label.end ? " end" : ""}" x="${at(label.x)}" y="${at(label.y)}">${text}</text>`;
  })}`;
}

const WORD_NAMES: Readonly<Record<Word, string>> = {
  proven: "proven",
  unproven: "unproven",
  "not separable": "not separable",
};

/** What marks mean that have no name beside a line. */
function legend(rows: readonly PlanRow[]): Html {
  const y = BOTTOM + 72;
  let x = PLOT.x;
  const entry = (drawn: (x: number) => Html, text: string): Html => {
    const here = x;
    x += 30 + text.length * 6.4;
    return html`${drawn(here)}<text class="small" x="${at(here + 14)}" y="${y + 4}">${text}</text>`;
  };
  const solver = (word: Word): Html =>
    entry(
      (at0) =>
        html`<path class="mark circle solver ${lookOf(word)}" d="${shapePath("circle", at0 + 4, y, 5)}"/>${word === "not separable" ? slash(at0 + 4, y) : ""}`,
      `by sensitivity, ${WORD_NAMES[word]}`,
    );
  const kind = (of: RowKind, text: string): Html | "" =>
    rows.some((row) => row.kind === of)
      ? entry(
          (at0) =>
            html`<path class="mark ${KIND_SHAPES[of]} ${of}" d="${shapePath(KIND_SHAPES[of], at0 + 4, y, 4.5)}"/>`,
          text,
        )
      : "";
  return html`<g class="key">${solver("proven")}${solver("unproven")}${solver("not separable")}${kind("uniform", "uniform format, rounded to nearest")}${kind("recipe", "uniform recipe of ModelOpt")}${entry((at0) => html`<path class="bar solver" d="M${at(at0 + 4)} ${y - 7}v14"/>`, "95 % interval")}</g>`;
}
