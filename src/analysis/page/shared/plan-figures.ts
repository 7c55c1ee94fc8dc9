import { enabledBits, requestedBits } from "../../formats/adjusted-bits.ts";
import type { BudgetData, BudgetPair } from "./budget-data.ts";
import type { BudgetStep, CurveOption } from "./curve.ts";
import { html, type Html } from "./html.ts";
import { bitsText, budgetText, scoreText, sizeText } from "./numbers.ts";

/** What a weight of an option takes; what it is charged where that is not known. */
const widthOf = ({ stored, bits }: CurveOption): number => stored ?? bits;

/** Cells of the plan by the width of weights: a class for the colour, a number to read. */
export const bitsClass = (option: CurveOption): string => {
  const width = widthOf(option);
  return width > 8.5 ? "p16" : width > 5 ? "p8" : "p4";
};
export const cellText = (option: CurveOption): string => String(Math.floor(widthOf(option)));
export const cellTitle = (layer: string, option: string): string => `${layer}: ${option}`;

export const AS_IT_IS: CurveOption = { name: "16 bits", bits: 16, stored: 16, column: null };

export interface Weights {
  readonly all: number;
  /** Of layers that stay at 16 bits for every budget. */
  readonly kept: number;
}

/** The plan's figures, by the names of their elements. */
export function planFigures(
  { bits, score, budget, choices }: BudgetStep,
  options: readonly CurveOption[],
  weights: readonly number[],
  { all, kept }: Weights,
): Readonly<Record<string, string>> {
  const shares = [
    { weights: kept, enabled: kept === 0 },
    { weights: all - kept, enabled: true },
  ];
  const stored = weights.reduce(
    (sum, own, layer) => sum + own * widthOf(options[choices[layer] ?? 0] ?? AS_IT_IS),
    0,
  );
  return {
    "plan-asked": `${budgetText(requestedBits(shares, budget))} bits`,
    "plan-budget": `${bitsText(budget)} bits`,
    "plan-own-bits": `${bitsText(enabledBits(shares, bits))} bits`,
    "plan-bits": `${bitsText(bits)} bits`,
    "plan-score": scoreText(score),
    "plan-size": sizeText(stored, 1),
  };
}

/** How many layers have each option; shown options only. */
export function optionCounts(
  choices: readonly number[],
  options: readonly CurveOption[],
  isKept: (layer: number) => boolean,
): readonly { readonly option: CurveOption; readonly count: number }[] {
  return options
    .map((option, position) => ({
      option,
      count: choices.filter((chosen, layer) => chosen === position && !isKept(layer)).length,
    }))
    .filter(({ count }) => count > 0);
}

export const countsMarkup = (counts: ReturnType<typeof optionCounts>): Html =>
  html`${counts.map(
    ({ option, count }) =>
      html`<li><span class="swatch ${bitsClass(option)}">${cellText(option)}</span> ${count} × ${option.name}`,
  )}`;

/** The pairs that a plan has layers of, in their order. */
export function usedPairs(
  choices: readonly number[],
  options: readonly CurveOption[],
  { columns, pairs }: Pick<BudgetData, "columns" | "pairs">,
): readonly BudgetPair[] {
  const used = new Set(
    choices.map((choice) => columns[options[choice]?.column ?? -1]?.pair ?? null),
  );
  return pairs.filter((_, pair) => used.has(pair));
}

/** How good the plans of a curve are, behind "the least total score that each budget allows". */
export const exactnessText = (exact: boolean): string =>
  exact ? ", solved exactly" : "; every plan is the best there is for the bits that it uses";

/** What serves a checkpoint whose layers have formats of these pairs. */
export function servingText(used: readonly BudgetPair[]): string {
  if (used.length === 0) return "nothing is quantized";
  const names = (by: string | undefined): string =>
    used.flatMap(({ name, service }) => (service?.by === by ? [name] : [])).join(", ");
  const because = (what: string, by: string | undefined): string => `${what}, for ${names(by)}`;
  if (used.some(({ service }) => service?.by === "analysis"))
    return because("analysis only", "analysis");
  if (used.some(({ service }) => service === null)) return because("not known", undefined);
  if (used.some(({ service }) => service?.by === "export"))
    return because("ModelOpt export only", "export");
  const least = Math.max(...used.map(({ service }) => service?.least ?? 0));
  return `vLLM, compute capability ${least.toFixed(1)} or higher`;
}
