import type { Picture } from "../page/picture.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import type { Figure } from "../quality/figures.ts";
import type { PlanKind } from "../quality/plan-document.ts";
import { byteText, intervalText, sizeText, smallText } from "../quality-report/figure-text.ts";
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
  /** Average stored bits a weight, over the layers that may be quantized: what controls are of equal size in. */
  readonly bits: number;
  readonly kl: Figure;
  readonly proven: boolean;
}

/** A scheme and its measured figures. */
export interface DrawnScheme {
  readonly scheme: Pick<Scheme, "name" | "achieved">;
  readonly quality: SchemeQuality;
}

/** Size against measured divergence: each scheme with its interval, and its controls. */
export function schemesPicture(schemes: readonly DrawnScheme[]): Picture {
  const points = schemes.flatMap(pointsOf);
  const across = sizeAxis(points.map(({ bits }) => bits));
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
      "Across, average bits of a weight over the layers that may be quantized; up, the KL to the unquantized model in nats a token, logarithmic: lower is better. Each scheme has its name, its 95\u00a0% interval, and controls of its size near it. Filled marks are proven, hollow ones are not.",
    width: PLOT.x + PLOT.width + 56,
    height: BOTTOM + 82,
    styles: markStyles,
    body: html`${plotFrame(PLOT, across, up, { across: "bits a weight, over the layers that may be quantized", up: "KL to the unquantized model, nats a token" })}${controls.map((point) => drawn(point, across, up))}${own.map((point) => bar(point, across, up))}${own.map((point) => drawn(point, across, up))}${names(own, across, up)}${legend(controls)}`,
  };
}

function pointsOf({ scheme: { name, achieved }, quality }: DrawnScheme): readonly Point[] {
  const { verdict, figures, controls, bits } = quality;
  const word = verdict === null ? "not judged" : verdictText(verdict);
  const measured = (size: number, kl: Figure): string =>
    `${sizeText(size)} bits, KL ${intervalText(kl, smallText)}`;
  return [
    ...controls.map((control): Point => ({
      kind: control.kind,
      name: null,
      says: `${control.name} of ${name}: ${measured(control.bits, control.kl)}, ${control.kind === "start" ? KINDS.start.name : "control"}`,
      bits: control.bits,
      kl: control.kl,
      proven: false,
    })),
    {
      kind: "solver",
      name,
      says: `${name}: ${byteText(achieved.bytes)}, ${measured(bits, figures.kl)}, ${word}`,
      bits,
      kl: figures.kl,
      proven: verdict?.word === "proven",
    },
  ];
}

/** Linear, with ticks at round numbers: some ten of them at most. */
function sizeAxis(bits: readonly number[]): Axis {
  const [low, high] = [Math.floor(Math.min(...bits)), Math.ceil(Math.max(...bits))];
  const to = Math.max(high, low + 1);
  const [start, end] = [PLOT.x + 24, PLOT.x + PLOT.width - 24];
  const place = (value: number): number => start + ((end - start) * (value - low)) / (to - low);
  const step = to - low > 4 ? 1 : 0.5;
  const ticks: { place: number; text: string }[] = [];
  for (let value = low; value <= to; value += step)
    ticks.push({ place: place(value), text: String(value) });
  return { place, ticks, zero: null };
}

const drawn = ({ kind, says, bits, kl, proven }: Point, across: Axis, up: Axis): Html =>
  mark(
    { shape: KIND_SHAPES[kind], look: lookOf(kind, proven) },
    across.place(bits),
    up.place(kl.value),
    kind === "solver" ? 5 : kind === "random" ? 2.5 : 4,
    says,
  );

const lookOf = (kind: PlanKind, proven: boolean): string =>
  kind === "solver" ? `solver ${proven ? "proven" : "hollow"}` : kind;

const bar = ({ bits, kl }: Point, across: Axis, up: Axis): Html =>
  html`<path class="bar solver" d="M${at(across.place(bits))} ${at(up.place(kl.low))}V${at(up.place(kl.high))}"/>`;

/** Every scheme is named where it stands. */
function names(own: readonly Point[], across: Axis, up: Axis): Html {
  const places = own.map(({ bits, kl, name }) => ({
    text: name ?? "",
    x: across.place(bits),
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
  const kinds = (["random", "inverted", "uniform", "start"] as const).filter((kind) =>
    controls.some((point) => point.kind === kind),
  );
  return html`<g class="key">${entry("solver", true, "scheme, proven")}${entry("solver", false, "scheme, not proven")}${kinds.map((kind) => entry(kind, false, kind === "start" ? KINDS.start.name : `control: ${KINDS[kind].name}`))}</g>`;
}
