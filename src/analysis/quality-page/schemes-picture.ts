import type { Picture } from "../page/picture.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import type { Figure } from "../quality/figures.ts";
import type { PlanKind } from "../quality/plan-document.ts";
import { intervalText, smallText } from "../quality-report/figure-text.ts";
import { KINDS, verdictText } from "../quality-report/names.ts";
import type { Scheme } from "../schemes/scheme.ts";
import type { SchemeQuality } from "../schemes/scheme-quality.ts";
import { placeLabel, type Box } from "./label-places.ts";
import { KIND_SHAPES, mark, shapePath } from "./marks.ts";
import { logAxis, plotFrame, type Axis } from "./plot.ts";
import markStyles from "./styles/marks.css?raw";

const PLOT: Box = { x: 64, y: 34, width: 1060, height: 400 };
const BOTTOM = PLOT.y + PLOT.height;

interface Point {
  readonly kind: PlanKind;
  /** Of a scheme's own mark: shown beside it. */
  readonly name: string | null;
  readonly says: string;
  /** Predicted, of all tensors. */
  readonly bytes: number;
  readonly kl: Figure;
  readonly proven: boolean;
}

/** A scheme, and what was measured of it. */
export interface DrawnScheme {
  readonly scheme: Pick<Scheme, "name" | "achieved">;
  readonly quality: SchemeQuality;
}

/** Predicted size of the checkpoint against measured divergence: each scheme with its interval, and its controls. */
export function schemesPicture(schemes: readonly DrawnScheme[]): Picture {
  const unit = unitOf(schemes.map(({ scheme }) => scheme.achieved.bytes));
  const points = schemes.flatMap((one) => pointsOf(one, unit));
  const across = sizeAxis(
    points.map(({ bytes }) => bytes),
    unit,
  );
  const up = logAxis(
    points.flatMap(({ kind, kl }) =>
      kind === "solver" ? [kl.value, kl.low, kl.high] : [kl.value],
    ),
    BOTTOM,
    PLOT.y,
  );
  const own = points.filter(({ kind }) => kind === "solver");
  const controls = points.filter(({ kind }) => kind !== "solver");
  return {
    id: "schemes",
    title: "Size against measured KL",
    description:
      "Across, predicted size of all tensors of the checkpoint; up, the KL to the unquantized model in nats a token, logarithmic: lower is better. Each scheme has its name, its 95\u00a0% interval, and controls of its size near it. Filled marks are proven, hollow ones are not.",
    width: PLOT.x + PLOT.width + 56,
    height: BOTTOM + 82,
    styles: markStyles,
    body: html`${plotFrame(PLOT, across, up, { across: `size of the checkpoint, ${unit.name}`, up: "KL to the unquantized model, nats a token" })}${controls.map((point) => drawn(point, across, up))}${own.map((point) => bar(point, across, up))}${own.map((point) => drawn(point, across, up))}${names(own, across, up)}${legend(controls)}`,
  };
}

function pointsOf(
  { scheme: { name, achieved }, quality }: DrawnScheme,
  unit: Unit,
): readonly Point[] {
  const sizeText = (bytes: number): string =>
    `${Number((bytes / unit.bytes).toPrecision(4))} ${unit.name}`;
  const { verdict, figures, controls, bits, quantizable_weights } = quality;
  const word = verdict === null ? "not judged" : verdictText(verdict);
  const sizeOf = (of: number): number =>
    achieved.bytes + ((of - bits) * (quantizable_weights ?? 0)) / 8;
  return [
    ...controls.map((control): Point => ({
      kind: control.kind,
      name: null,
      says: `${control.name} of ${name}: ${sizeText(sizeOf(control.bits))}, KL ${intervalText(control.kl, smallText)}, control`,
      bytes: sizeOf(control.bits),
      kl: control.kl,
      proven: false,
    })),
    {
      kind: "solver",
      name,
      says: `${name}: ${sizeText(achieved.bytes)}, KL ${intervalText(figures.kl, smallText)}, ${word}`,
      bytes: achieved.bytes,
      kl: figures.kl,
      proven: verdict?.word === "proven",
    },
  ];
}

interface Unit {
  readonly name: string;
  readonly bytes: number;
}

/** In which the largest of these sizes is read best. */
function unitOf(bytes: readonly number[]): Unit {
  const most = Math.max(...bytes);
  if (most >= 1e9) return { name: "GB", bytes: 1e9 };
  return most >= 1e6 ? { name: "MB", bytes: 1e6 } : { name: "kB", bytes: 1e3 };
}

/** Linear, with ticks at round numbers: some five of them. */
function sizeAxis(bytes: readonly number[], unit: Unit): Axis {
  const [low, high] = [Math.min(...bytes), Math.max(...bytes)];
  const room = Math.max((high - low) * 0.05, high * 0.01);
  const [from, to] = [low - room, high + room];
  const [start, end] = [PLOT.x + 14, PLOT.x + PLOT.width - 14];
  const place = (value: number): number => start + ((end - start) * (value - from)) / (to - from);
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5].find((of) => of * power >= rough) ?? 10) * power;
  const ticks: { place: number; text: string }[] = [];
  for (let n = Math.ceil(from / step); n * step <= to; n += 1) {
    ticks.push({
      place: place(n * step),
      text: String(Number(((n * step) / unit.bytes).toPrecision(6))),
    });
  }
  return { place, ticks, zero: null };
}

const drawn = ({ kind, says, bytes, kl, proven }: Point, across: Axis, up: Axis): Html =>
  mark(
    { shape: KIND_SHAPES[kind], look: lookOf(kind, proven) },
    across.place(bytes),
    up.place(kl.value),
    kind === "solver" ? 5 : kind === "random" ? 2.5 : 4,
    says,
  );

const lookOf = (kind: PlanKind, proven: boolean): string =>
  kind === "solver" ? `solver ${proven ? "proven" : "hollow"}` : kind;

const bar = ({ bytes, kl }: Point, across: Axis, up: Axis): Html =>
  html`<path class="bar solver" d="M${at(across.place(bytes))} ${at(up.place(kl.low))}V${at(up.place(kl.high))}"/>`;

/** Every scheme is named where it stands. */
function names(own: readonly Point[], across: Axis, up: Axis): Html {
  const places = own.map(({ bytes, kl, name }) => ({
    text: name ?? "",
    x: across.place(bytes),
    y: up.place(kl.value),
  }));
  const taken: Box[] = places.map(({ x, y }) => ({ x: x - 6, y: y - 6, width: 12, height: 12 }));
  return html`${places.map(({ text, x, y }) => {
    const label = placeLabel(text, { x, y }, PLOT, taken);
    return html`<text class="small name strong${label.end ? " end" : ""}" x="${at(label.x)}" y="${at(label.y)}">${text}</text>`;
  })}`;
}

function legend(controls: readonly Point[]): Html {
  const y = BOTTOM + 60;
  let x = PLOT.x;
  const entry = (kind: PlanKind, proven: boolean, text: string): Html => {
    const here = x;
    x += 30 + text.length * 6.4;
    const shape = KIND_SHAPES[kind];
    return html`<path class="mark ${shape} ${lookOf(kind, proven)}" d="${shapePath(shape, here + 4, y, 4.5)}"/><text class="small" x="${at(here + 14)}" y="${y + 4}">${text}</text>`;
  };
  const kinds = (["random", "inverted", "uniform"] as const).filter((kind) =>
    controls.some((point) => point.kind === kind),
  );
  return html`<g class="key">${entry("solver", true, "scheme, proven")}${entry("solver", false, "scheme, not proven")}${kinds.map((kind) => entry(kind, false, `control: ${KINDS[kind].name}`))}</g>`;
}
