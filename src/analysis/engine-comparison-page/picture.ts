import type { ComparedBudget, EngineComparison } from "../engine-comparison/comparison.ts";
import type { Picture } from "../page/picture.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import { intervalText, sizeText, smallText } from "../quality-report/figure-text.ts";
import { spread, type Box } from "../quality-page/label-places.ts";
import { mark, shapePath, type Shape } from "../quality-page/marks.ts";
import { logAxis, plotFrame, type Axis } from "../quality-page/plot.ts";
import markStyles from "../quality-page/styles/marks.css?raw";
import pageStyles from "./styles/engines.css?raw";

const PLOT: Box = { x: 64, y: 34, width: 830, height: 360 };
const WIDTH = 1120;
const BOTTOM = PLOT.y + PLOT.height;
const SHAPES: readonly Shape[] = ["circle", "square", "diamond", "triangle", "star", "peak"];

/** Size against measured divergence: a line for each engine, its draws as small marks, random plans as a band. */
export function enginesPicture(comparison: EngineComparison): Picture {
  const { budgets, engines } = comparison;
  const names = engines.map(({ engine }) => engine);
  const across = budgetAxis(budgets.map(({ budget }) => budget));
  const up = logAxis(
    budgets.flatMap((row) => [
      row.random.lowest,
      row.random.highest,
      ...row.engines.flatMap(({ kl, draws }) => [
        kl.low,
        kl.high,
        ...draws.map((one) => one.kl.value),
      ]),
      ...row.controls.filter(({ kind }) => kind === "alone").map(({ kl }) => kl.value),
    ]),
    BOTTOM,
    PLOT.y,
  );
  return {
    id: "engines",
    title: "Measured KL by size and engine",
    description:
      "Across, the budget in average bits of a weight; up, the KL to the unquantized model in nats a token, logarithmic: lower is better. Large marks are means over draws of calibration data with 95\u00a0% intervals, small marks single draws; the band goes from the lowest to the highest random plan.",
    width: WIDTH,
    height: BOTTOM + 52,
    styles: markStyles + pageStyles,
    body: html`${plotFrame(PLOT, across, up, { across: "budget, bits per weight", up: "KL to the unquantized model, nats a token" })}${randomBand(budgets, across, up)}${aloneLine(budgets, across, up)}${names.map((name, n) => engineMarks(budgets, name, n, across, up))}${lineNames(budgets, names, across, up)}`,
  };
}

function budgetAxis(budgets: readonly number[]): Axis {
  const [from, to] = [Math.min(...budgets), Math.max(...budgets)];
  const [start, end] = [PLOT.x + 20, PLOT.x + PLOT.width - 20];
  const place = (value: number): number =>
    to === from ? (start + end) / 2 : start + ((end - start) * (value - from)) / (to - from);
  return {
    place,
    ticks: budgets.map((value) => ({ place: place(value), text: sizeText(value) })),
    zero: null,
  };
}

function randomBand(budgets: readonly ComparedBudget[], across: Axis, up: Axis): Html {
  const ends = budgets.map(({ budget, random }) => ({
    x: at(across.place(budget)),
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

function aloneLine(budgets: readonly ComparedBudget[], across: Axis, up: Axis): Html {
  const points = budgets.flatMap(({ budget, controls }) => {
    const alone = controls.find(({ kind }) => kind === "alone");
    return alone === undefined
      ? []
      : [`${at(across.place(budget))} ${at(up.place(alone.kl.value))}`];
  });
  return html`<path class="line alone" d="M${points.join("L")}"/>`;
}

function engineMarks(
  budgets: readonly ComparedBudget[],
  engine: string,
  n: number,
  across: Axis,
  up: Axis,
): Html {
  const shape = SHAPES[n % SHAPES.length] ?? "circle";
  // Engines stand beside each other, so that no mark covers another one.
  const beside = (n - 1.5) * 7;
  const own = budgets.flatMap((row) => {
    const here = row.engines.find((one) => one.engine === engine);
    return here === undefined ? [] : [{ budget: row.budget, ...here }];
  });
  const xOf = (budget: number): number => across.place(budget) + beside;
  const line = own
    .map(({ budget, kl }) => `${at(xOf(budget))} ${at(up.place(kl.value))}`)
    .join("L");
  const bars = own.map(
    ({ budget, kl }) =>
      html`<path class="bar" d="M${at(xOf(budget))} ${at(up.place(kl.low))}V${at(up.place(kl.high))}"/>`,
  );
  const draws = own.flatMap(({ budget, draws: all }) =>
    all.length < 2
      ? []
      : all.map(({ draw, kl }) =>
          mark(
            { shape, look: `c${n % 4} draw` },
            xOf(budget),
            up.place(kl.value),
            2.5,
            `${engine}, ${draw}: ${sizeText(budget)} bits, KL ${intervalText(kl, smallText)}`,
          ),
        ),
  );
  const means = own.map(({ budget, kl, word }) =>
    mark(
      { shape, look: `c${n % 4}` },
      xOf(budget),
      up.place(kl.value),
      5,
      `${engine}: ${sizeText(budget)} bits, KL ${intervalText(kl, smallText)}, ${word}`,
    ),
  );
  return html`<path class="line c${n % 4}" d="M${line}"/>${bars}${draws}${means}`;
}

/** Names at the right end of each line, apart from each other. */
function lineNames(
  budgets: readonly ComparedBudget[],
  engines: readonly string[],
  across: Axis,
  up: Axis,
): Html {
  const last = budgets.at(-1);
  if (last === undefined) return html``;
  const ends = [
    ...engines.map((engine, n) => ({
      text: engine,
      drawn: (x: number, y: number) =>
        html`<path class="mark ${SHAPES[n % SHAPES.length] ?? "circle"} c${n % 4}" d="${shapePath(SHAPES[n % SHAPES.length] ?? "circle", x, y, 4.5)}"/>`,
      y: up.place(last.engines.find((one) => one.engine === engine)?.kl.value ?? NaN),
    })),
    {
      text: "random, and their mean",
      drawn: (x: number, y: number) =>
        html`<path class="line random" d="M${at(x - 8)} ${at(y)}h16"/>`,
      y: up.place(last.random.kl.value),
    },
    {
      text: "groups measured alone",
      drawn: (x: number, y: number) =>
        html`<path class="line alone" d="M${at(x - 8)} ${at(y)}h16"/>`,
      y: up.place(last.controls.find(({ kind }) => kind === "alone")?.kl.value ?? NaN),
    },
  ].filter(({ y }) => Number.isFinite(y));
  const heights = spread(
    ends.map(({ y }) => y),
    17,
    PLOT.y,
    BOTTOM - 8,
  );
  const x = PLOT.x + PLOT.width + 30;
  return html`${ends.map(({ text, drawn, y }, n) => {
    const height = heights[n] ?? y;
    return html`<path class="leader" d="M${at(across.place(last.budget) + 16)} ${at(y)}L${x - 12} ${at(height)}"/>${drawn(x, height)}<text x="${x + 14}" y="${at(height + 4)}">${text}</text>`;
  })}`;
}
