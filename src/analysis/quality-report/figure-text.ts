import { budgetText, scoreText } from "../page/shared/numbers.ts";
import type { Figure } from "../quality/figures.ts";

/** A divergence or a squared error; both span decades, so always with an exponent. */
export const smallText = (value: number): string => scoreText(value);

/** How many times as much: three digits, and no more than a reader can use. */
export function timesText(value: number, digits = 3): string {
  if (value >= 1000) return value.toExponential(1).replace("e+", "e");
  const text = value.toPrecision(digits);
  return text.includes("e") ? String(Math.round(value)) : text;
}

/** `2.41 (2.20 to 2.63)`: the value and its 95 % interval. */
export const intervalText = (
  { value, low, high }: Figure,
  write: (value: number) => string = timesText,
): string => `${write(value)} (${write(low)} to ${write(high)})`;

/** A share of tokens in percent. */
export const percentText = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** Cross-entropy in nats. */
export const lossText = (loss: number): string => loss.toFixed(4);

/** Four digits; whole numbers from a thousand on. */
export const perplexityText = (perplexity: number): string =>
  perplexity >= 1000
    ? perplexity < 1e6
      ? perplexity.toFixed(0)
      : perplexity.toExponential(2).replace("e+", "e")
    : perplexity.toPrecision(4);

/** Average bits of a weight, as plans are named: `4.25`. */
export const sizeText = (bits: number): string => bits.toFixed(2);

/** A budget in a sentence: `4.0`, `4.25`. */
export function budgetWords(bits: number): string {
  const text = budgetText(bits);
  return text.includes(".") ? text : `${text}.0`;
}

/** The same ratio the other way round. */
export const inverse = ({ value, low, high }: Figure): Figure => ({
  value: 1 / value,
  low: 1 / high,
  high: 1 / low,
});

/** Decimal units, as a budget in gigabytes counts. */
export function byteText(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`;
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(2)} MB` : `${(bytes / 1e3).toFixed(1)} kB`;
}
