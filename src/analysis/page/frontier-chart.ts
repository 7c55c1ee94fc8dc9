import type { BudgetCurve } from "./shared/curve.ts";
import { colourKey } from "./colour-key.ts";
import { decadeText, logScale, type LogScale } from "./log-scale.ts";
import { html, type Html } from "./shared/html.ts";
import { at, budgetText, scoreText } from "./shared/numbers.ts";
import type { Picture } from "./picture.ts";

export interface FrontierChart {
  readonly picture: Picture;
  /** Across: pixels and the bits that they stand for. */
  readonly left: number;
  readonly right: number;
  readonly from: number;
  readonly to: number;
  /** By curve and step. */
  readonly heights: readonly (readonly number[])[];
}

const WIDTH = 1240;
const HEIGHT = 260;
const LEFT = 56;
const TOP = 24;

/** Total score against bits per weight, one curve for each choice of candidates; the first one is on. */
export function frontierChart(curves: readonly BudgetCurve[], unit: string): FrontierChart {
  const steps = curves.flatMap((curve) => curve.steps);
  const scale = logScale(
    steps.map(({ score }) => score),
    6,
  );
  const from = Math.floor(Math.min(...steps.map(({ bits }) => bits)) * 2) / 2;
  const to = Math.max(from + 1, Math.ceil(Math.max(...steps.map(({ bits }) => bits))));
  const right = WIDTH - 14;
  const across = (bits: number): number => LEFT + ((right - LEFT) * (bits - from)) / (to - from);
  // Zeros get a line of their own below the logarithmic part.
  const up = (score: number): number =>
    TOP + HEIGHT * (score > 0 ? 0.92 * (1 - (scale?.position(score) ?? 0)) : 1);
  const heights = curves.map((curve) =>
    curve.steps.map(({ score }) => Number(up(score).toFixed(2))),
  );
  const drawn = curves.map(
    (curve, c) =>
      html`<path class="curve${c === 0 ? " on" : ""}" data-curve="${c}" d="${curve.steps
        .map(({ bits }, s) =>
          s === 0
            ? `M${at(across(bits))} ${at(heights[c]?.[s] ?? 0)}`
            : `H${at(across(bits))}V${at(heights[c]?.[s] ?? 0)}`,
        )
        .join("")}"/>`,
  );
  const [first] = curves;
  const chosen = first?.steps[first.chosen];
  const mark =
    chosen === undefined
      ? ""
      : html`<g id="budget-mark"><path class="chosen" d="M${at(across(chosen.bits))} ${TOP}V${TOP + HEIGHT}"/><circle class="handle" cx="${at(across(chosen.bits))}" cy="${at(up(chosen.score))}" r="6"/></g>`;
  const key =
    first === undefined || curves.length === 1
      ? ""
      : colourKey(
          LEFT,
          TOP + HEIGHT + 36,
          first.name,
          `the other ${curves.length - 1} choices of candidates`,
        );
  return {
    picture: {
      id: "frontier",
      title: "What each budget costs",
      description: `Across, bits per weight over the whole model; up, the least total score that they allow, logarithmic.${
        chosen === undefined
          ? ""
          : ` The mark stands at ${budgetText(chosen.bits)} bits with a score of ${scoreText(chosen.score)}.`
      } ${unit}.`,
      width: WIDTH,
      height: TOP + HEIGHT + 44,
      body: html`${axes(scale, up, across, from, to)}${drawn.toReversed()}${mark}${key}`,
    },
    left: LEFT,
    right,
    from,
    to,
    heights,
  };
}

function axes(
  scale: LogScale | null,
  up: (score: number) => number,
  across: (bits: number) => number,
  from: number,
  to: number,
): Html {
  const right = across(to);
  const decades = (scale?.decades ?? []).map((decade) => {
    const y = at(up(decade));
    return html`<path class="grid" d="M${LEFT} ${y}H${right}"/><text class="small quiet end" x="${LEFT - 8}" y="${at(up(decade) + 4)}">${decadeText(decade)}</text>`;
  });
  const bottom = TOP + HEIGHT;
  const ticks: Html[] = [];
  for (let bits = Math.ceil(from); bits <= to; bits += 1) {
    const x = at(across(bits));
    ticks.push(
      html`<path class="axis" d="M${x} ${bottom}v5"/><text class="small quiet middle" x="${x}" y="${bottom + 18}">${bits}</text>`,
    );
  }
  return html`${decades}<text class="small quiet end" x="${LEFT - 8}" y="${bottom + 4}">0</text><text class="small quiet" x="${LEFT - 8}" y="${TOP - 10}">total score</text><path class="axis" d="M${LEFT} ${TOP}V${bottom}H${right}"/>${ticks}<text class="small quiet end" x="${right}" y="${bottom + 36}">bits per weight, whole model</text>`;
}
