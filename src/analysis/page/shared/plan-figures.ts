import { html, type Html } from "./html.ts";
import { bitsText, budgetText, scoreText, sizeText } from "./numbers.ts";

/** Cells of the plan by bits: a class for the colour, a number to read. */
export const bitsClass = (bits: number): string => (bits > 8 ? "p16" : bits > 5 ? "p8" : "p4");
export const cellTitle = (layer: string, option: string): string => `${layer}: ${option}`;

export interface Weights {
  readonly all: number;
  /** Of layers that stay at 16 bits whatever the budget. */
  readonly kept: number;
}

/** The plan's figures, by the names of their elements. */
export function planFigures(
  {
    bits,
    score,
    budget,
  }: { readonly bits: number; readonly score: number; readonly budget: number },
  { all, kept }: Weights,
): Readonly<Record<string, string>> {
  return {
    "plan-budget": `${budgetText(budget)} bits`,
    "plan-bits": `${bitsText(bits)} bits`,
    "plan-own-bits": `${bitsText((bits * all - 16 * kept) / Math.max(1, all - kept))} bits`,
    "plan-score": scoreText(score),
    "plan-size": sizeText(all, bits),
  };
}

/** How many layers have each option; shown options only. */
export function optionCounts(
  choices: readonly number[],
  options: readonly { readonly name: string; readonly bits: number }[],
  isKept: (layer: number) => boolean,
): readonly { readonly name: string; readonly bits: number; readonly count: number }[] {
  return options
    .map(({ name, bits }, option) => ({
      name,
      bits,
      count: choices.filter((chosen, layer) => chosen === option && !isKept(layer)).length,
    }))
    .filter(({ count }) => count > 0);
}

export const countsMarkup = (
  counts: readonly { readonly name: string; readonly bits: number; readonly count: number }[],
): Html =>
  html`${counts.map(
    ({ name, bits, count }) =>
      html`<li><span class="swatch ${bitsClass(bits)}">${Math.floor(bits)}</span> ${count} × ${name}`,
  )}`;
