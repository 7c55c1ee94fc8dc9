import type { Figure } from "../quality/figures.ts";
import { smallText } from "../quality-report/figure-text.ts";
import type { Goal, GoalFigure } from "../schemes/scheme.ts";
import { confidenceText, isAtLeast, STANDARD_CONFIDENCE } from "./goal.ts";

/** What a figure is written for: a figure of a search within a limit has no bound. */
export interface Judged {
  readonly figure: GoalFigure;
  readonly goal: Pick<Goal, "bound"> | null;
}

/** Of the distance to the unquantized model. */
const DIGITS = 3;

/** Places after the point that a figure near 1 has at least: percent have two. */
const PLACES: Partial<Readonly<Record<GoalFigure, number>>> = {
  top1_agreement: 4,
  perplexity_ratio: 2,
};

/** What the unquantized model has. */
const unquantized = (figure: GoalFigure): 0 | 1 => (PLACES[figure] === undefined ? 0 : 1);

/** Whether a value is on the side of the bound that was asked for. */
export const isWithin = ({ figure, bound }: Pick<Goal, "figure" | "bound">, value: number) =>
  isAtLeast(figure) ? value >= bound : value <= bound;

/** Places after the point that show so many digits of the distance to the unquantized model. */
const placesOf = (figure: GoalFigure, value: number, digits: number): number => {
  const distance = Math.abs(value - unquantized(figure));
  const places = distance === 0 ? 0 : digits - 1 - Math.floor(Math.log10(distance));
  return Math.min(20, Math.max(PLACES[figure] ?? 0, places));
};

const rounded = (figure: GoalFigure, value: number, digits: number): number =>
  unquantized(figure) === 0
    ? Number(value.toPrecision(digits))
    : Number(value.toFixed(placesOf(figure, value, digits)));

/** Three digits, or as many more as it takes to stay on the value's side of the bound. */
function digitsOf({ figure, goal }: Judged, value: number): number {
  if (goal === null) return DIGITS;
  const asked = { figure, bound: goal.bound };
  let digits = DIGITS;
  while (digits < 17 && isWithin(asked, rounded(figure, value, digits)) !== isWithin(asked, value))
    digits += 1;
  return digits;
}

/** A value as configs write it: `0.00235`, `1.00034`, `0.99951`. */
export const plainFigure = (judged: Judged, value: number): string =>
  String(rounded(judged.figure, value, digitsOf(judged, value)));

/** A value as tables write it: `2.35e-3`, `1.000340`, `99.9510 %`. */
function tableFigure(judged: Judged, value: number): string {
  const { figure } = judged;
  const digits = digitsOf(judged, value);
  const places = placesOf(figure, value, digits);
  if (figure === "top1_agreement") return `${(100 * value).toFixed(places - 2)} %`;
  if (figure === "perplexity_ratio") return value.toFixed(places);
  return digits === DIGITS ? smallText(value) : value.toExponential(digits - 1).replace("e+", "e");
}

/**
 * A figure that a goal may name, with its interval: `1.000340 (1.000200 to 1.000500)`.
 *
 * @param confidence of the interval, which is named where it is not the standard one
 */
export function goalFigureText(
  judged: Judged,
  { value, low, high }: Figure,
  confidence = STANDARD_CONFIDENCE,
): string {
  const [middle, from, to] = [value, low, high].map((each) => tableFigure(judged, each));
  const at = confidence === STANDARD_CONFIDENCE ? "" : ` at ${confidenceText(confidence)}`;
  return `${middle} (${from} to ${to}${at})`;
}

/** The strictest bound of three digits that a value keeps. */
export function keptBound(figure: GoalFigure, value: number): string {
  const distance = Math.abs(value - unquantized(figure));
  if (distance === 0) return String(value);
  const step = Math.floor(Math.log10(distance)) - (DIGITS - 1);
  const towards = isAtLeast(figure) ? Math.floor : Math.ceil;
  return String(Number(`${towards(value * 10 ** -step)}e${step}`));
}
