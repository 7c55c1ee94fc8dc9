import type { Picture } from "../page/picture.ts";
import { html, type Html } from "../page/shared/html.ts";
import { at } from "../page/shared/numbers.ts";
import { shortName } from "../page/shared/layer-name.ts";
import type { Correlation, MeasuredFrontier } from "../quality/measured-frontier.ts";
import { smallText } from "../quality-report/figure-text.ts";
import { KINDS, type RowKind } from "../quality-report/names.ts";
import { planRows } from "../quality-report/plan-rows.ts";
import type { Box } from "./label-places.ts";
import { KIND_SHAPES, mark, shapePath, SHAPES, type Shape } from "./marks.ts";
import { logAxis, plotFrame } from "./plot.ts";
import markStyles from "./styles/marks.css?raw";

const WIDTH = 1240;
const HEIGHT = 340;
const TOP = 74;
const LEGEND = TOP + HEIGHT + 64;

interface Series {
  readonly name: string;
  readonly shape: Shape;
  readonly look: string;
  readonly points: readonly SeriesPoint[];
}

interface SeriesPoint {
  readonly predicted: number;
  readonly kl: number;
  readonly says: string;
}

/** Predicted score against measured divergence: of each group alone, and of whole plans. */
export function predictedPicture(frontier: MeasuredFrontier): Picture {
  const { correlations, alone } = frontier;
  const groups = panel(
    { x: 64, y: TOP, width: 530, height: HEIGHT },
    "Layer groups, each quantized alone",
    correlations.alone.all,
    groupSeries(frontier),
    "score of the group",
  );
  const plans = panel(
    { x: 690, y: TOP, width: 530, height: HEIGHT },
    "Whole plans",
    correlations.plans.all,
    planSeries(frontier),
    "summed score of the plan",
  );
  return {
    id: "quality-predicted",
    title: "Predicted score against measured KL",
    description: `Across, the sensitivity score; up, the measured KL in nats a token; both logarithmic. Left, ${alone.length} marks, one for each layer group and candidate; right, one for each plan. Where scores predict well, marks rise from the lower left to the upper right.`,
    width: WIDTH,
    height: LEGEND + 14,
    styles: markStyles,
    body: html`${groups}${plans}`,
  };
}

function panel(
  box: Box,
  title: string,
  { spearman, count }: Correlation,
  series: readonly Series[],
  across: string,
): Html {
  const points = series.flatMap((one) => one.points);
  const x = logAxis(
    points.map(({ predicted }) => predicted),
    box.x + 10,
    box.x + box.width - 10,
  );
  const y = logAxis(
    points.map(({ kl }) => kl),
    box.y + box.height - 8,
    box.y + 8,
  );
  const order =
    spearman === null ? "no rank correlation" : `rank correlation ${spearman.toFixed(2)}`;
  const radius = points.length > 300 ? 2.6 : 3.6;
  return html`<text class="strong" x="${box.x}" y="${box.y - 54}">${title}</text><text class="quiet" x="${box.x}" y="${box.y - 38}">${order} over ${count} pairs</text>${plotFrame(box, x, y, { across: `predicted: ${across}`, up: "measured KL, nats a token" })}${series.map(
    (one) =>
      one.points.map(({ predicted, kl, says }) =>
        mark(one, x.place(predicted), y.place(kl), radius, says),
      ),
  )}${legend(box, series)}`;
}

function legend({ x }: Box, series: readonly Series[]): Html {
  let here = x;
  return html`<g class="key">${series.map(({ name, shape, look }) => {
    const from = here;
    here += 26 + name.length * 6.4;
    return html`<path class="mark ${shape} ${look}" d="${shapePath(shape, from + 4, LEGEND, 4)}"/><text class="small" x="${at(from + 13)}" y="${LEGEND + 4}">${name}</text>`;
  })}</g>`;
}

/** The candidate with the fewest bits in front. */
const CANDIDATE_LOOKS = ["c0", "c1", "c2", "c3"] as const;

function groupSeries({ candidates, alone }: MeasuredFrontier): readonly Series[] {
  return candidates.map(({ name }, index) => ({
    name,
    shape: SHAPES[index % 4] ?? "circle",
    look: CANDIDATE_LOOKS[index % CANDIDATE_LOOKS.length] ?? "c0",
    points: alone
      .filter(({ candidate }) => candidate === name)
      .map(({ group, predicted, kl }) => ({
        predicted,
        kl: kl.value,
        says: `${shortName(group)} at ${name}: score ${smallText(predicted)}, KL ${smallText(kl.value)}`,
      })),
  }));
}

const BEHIND_TO_FRONT: readonly RowKind[] = [
  "random",
  "inverted",
  "heuristic",
  "weight_error",
  "uniform",
  "solver",
];

function planSeries(frontier: MeasuredFrontier): readonly Series[] {
  const rows = planRows(frontier);
  return BEHIND_TO_FRONT.map((kind) => ({
    name: KINDS[kind].name,
    shape: KIND_SHAPES[kind],
    look: kind,
    points: rows.flatMap(({ measured, word }) =>
      "predicted" in measured && measured.kind === kind
        ? [
            {
              predicted: measured.predicted,
              kl: measured.kl.value,
              says: `${measured.name}: score ${smallText(measured.predicted)}, KL ${smallText(measured.kl.value)}, ${word}`,
            },
          ]
        : [],
    ),
  })).filter(({ points }) => points.length > 0);
}
