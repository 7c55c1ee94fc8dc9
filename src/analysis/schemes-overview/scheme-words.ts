import { byteText } from "../quality-report/figure-text.ts";
import { isStatus } from "../scheme-report/scheme-report.ts";
import { choiceText, factorText, wordOf } from "../scheme-report/words.ts";
import type { Figure } from "../quality/figures.ts";
import { isMeasured, reportedOf, stateOf, type ShownScheme } from "./overview.ts";

/** How a scheme is said to be, in a few words: the word of its verdict, or how far it has come. */
export function schemeWord(shown: ShownScheme): string {
  const state = stateOf(shown);
  if (!isMeasured(shown)) return state;
  // What is measured then is the plan of an earlier search.
  if (state === "goal not met") return `${state} (figures of an earlier plan)`;
  const word = wordOf(reportedOf(shown));
  return state === "measured" ? word : `${word} (${state})`;
}

/** What was asked for, in words. */
export const askedText = ({ asked }: ShownScheme): string => {
  const from = asked.candidates.length === 0 ? "" : ` in ${asked.candidates.join(", ")}`;
  return `${choiceText(asked.choice)}${from}`;
};

/** KL(mean of random plans) / KL(scheme) with its interval; `–` where it is not judged. */
export const againstRandom = (shown: ShownScheme): string =>
  isMeasured(shown) ? factorText(reportedOf(shown)) : "–";

/** Perplexity as a multiple of the unquantized model's on the same text. */
export const perplexityRatio = (
  perplexity: Pick<Figure, "value">,
  reference: Pick<Figure, "value">,
): number => perplexity.value / reference.value;

/** Digits of a quotient near 1. */
export const ratioText = (ratio: number): string => ratio.toFixed(ratio < 10 ? 5 : 1);

/** Bytes that the files hold, against what was predicted for the same exports: `as predicted`, or how many. */
export function foundText({ scheme, exports }: ShownScheme): string {
  const found = exports.flatMap(({ format, check }) => {
    const predicted = scheme?.exports.find((of) => of.format === format)?.bytes;
    return check === null ? [] : [{ format, predicted, bytes: check.weightBytes }];
  });
  if (found.length === 0) return "not exported";
  if (found.every(({ predicted, bytes }) => predicted === bytes)) return "as predicted";
  return found.map(({ format, bytes }) => `${format} ${byteText(bytes)}`).join(", ");
}

/** In a few words: which devices take its exports, and which do not. */
export function servingText({ exports }: ShownScheme): string {
  const answers = exports.flatMap(({ serving }) => serving);
  const by = (words: readonly string[]): number =>
    answers.filter(({ answer }) => isStatus(answer) && words.includes(answer.word)).length;
  const [taken, rejected] = [by(["serves", "loads strictly (not run)"]), by(["rejected"])];
  if (taken + rejected === 0) return "not asked";
  const open = answers.length - taken - rejected;
  return `${taken} taken${rejected === 0 ? "" : `, ${rejected} rejected`}${open === 0 ? "" : `, ${open} not asked`}`;
}
