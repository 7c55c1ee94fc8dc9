import { timesText } from "../quality-report/figure-text.ts";
import { verdictText } from "../quality-report/names.ts";
import type { SchemeChoice } from "../schemes/scheme.ts";
import { goalOf, goalText } from "../search/goal.ts";
import { isStatus, type Answer, type ReportedScheme } from "./scheme-report.ts";

/** One thing that the report has found: what it is in a few words, then the schemes and figures. */
export interface Point {
  readonly lead: string;
  readonly text: string;
}

/** How layers got their formats, in a few words. */
export function choiceText(choice: SchemeChoice): string {
  if ("top_percent" in choice) {
    const which = choice.most_sensitive === true ? "most" : "least";
    return `${choice.top_percent} % ${which} sensitive groups`;
  }
  if ("bits" in choice) return `at most ${choice.bits} bits a weight`;
  if ("gigabytes" in choice) return `at most ${choice.gigabytes} GB`;
  if ("goal" in choice) return `the smallest with ${goalText(goalOf(choice.goal))}`;
  if ("bit_plan" in choice) return `bit plan ${choice.bit_plan}`;
  if ("everywhere" in choice) return `${choice.everywhere} everywhere`;
  return `recipe ${choice.recipe}`;
}

/** The word of a scheme, as every table that names it has it. */
export const wordOf = ({ quality: { verdict } }: ReportedScheme): string =>
  verdict === null ? "not judged" : verdictText(verdict);

/** `loads strictly (not run)`, `rejected: level 2, …`, `not checked: …; aqm build …`. */
export function statusText(answer: Answer): string {
  if (!isStatus(answer)) {
    const build = answer.target === null ? "" : `; aqm build ${answer.target}`;
    return `not checked: ${answer.because}${build}`;
  }
  const { word, level, reason } = answer;
  if (word === "rejected") return `rejected: level ${level ?? 0}, ${reason ?? ""}`;
  return word === "not checked" ? `not checked: ${reason ?? ""}` : word;
}

/** `3.1 (2.9 to 3.4) times`, with the range of random plans' sizes where those are not the scheme's. */
export function factorText({ quality: { verdict, bits } }: ReportedScheme): string {
  if (verdict === null) return "–";
  const { factor, random_bits } = verdict;
  const text = `${timesText(factor.value)} (${timesText(factor.low)} to ${timesText(factor.high)})`;
  return bits - random_bits.lowest <= SIMILAR_BITS
    ? text
    : `${text}; random plans have ${random_bits.lowest.toFixed(2)} to ${random_bits.highest.toFixed(2)} bits`;
}

/** Random plans of this much less than the scheme are smaller in a way that flatters the scheme. */
const SIMILAR_BITS = 0.1;
