import { intervalText, smallText, timesText } from "../quality-report/figure-text.ts";
import type { SchemeVerdict } from "../schemes/scheme-quality.ts";
import { isMeasured, reportedOf, type SchemesOverview } from "./overview.ts";
import { factorText, wordOf } from "../scheme-report/words.ts";

/** A judged scheme beside the controls of its size. All factors are KL(control) / KL(scheme) with paired intervals. */
export interface ControlRow {
  readonly name: string;
  readonly word: string;
  /** Cells by `CONTROL_TITLES`, without the first two. */
  readonly cells: readonly string[];
}

export const CONTROL_TITLES = [
  "Scheme",
  "Word",
  "KL of the scheme",
  "KL of random plans: mean (lowest to highest)",
  "KL of random plans / KL of the scheme (95 %)",
  "Other controls of its size / KL of the scheme (95 %)",
  "Worst / best control (95 %)",
] as const;

export const controlRows = ({ schemes }: Pick<SchemesOverview, "schemes">): readonly ControlRow[] =>
  schemes.filter(isMeasured).flatMap((shown): readonly ControlRow[] => {
    const { verdict, figures } = shown.quality;
    if (verdict === null) return [];
    const { random, controls } = verdict;
    const reported = reportedOf(shown);
    return [
      {
        name: shown.name,
        word: wordOf(reported),
        cells: [
          intervalText(figures.kl, smallText),
          `${smallText(random.kl.value)} (${smallText(random.lowest)} to ${smallText(random.highest)})`,
          factorText(reported),
          othersText(verdict),
          `${controls.worst} / ${controls.best}: ${intervalText(controls.factor)}`,
        ],
      },
    ];
  });

const othersText = ({ against }: Pick<SchemeVerdict, "against">): string =>
  against.length === 0
    ? "–"
    : against
        .map(
          ({ plan, factor }) =>
            `${plan} ${timesText(factor.value)} (${timesText(factor.low)} to ${timesText(factor.high)})`,
        )
        .join("; ");
