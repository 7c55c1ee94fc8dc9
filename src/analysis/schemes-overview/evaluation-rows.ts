import type { Evaluation, MeasuredOn, SpeedOf } from "../evaluation/evaluation.ts";
import { sameAnswers } from "../evaluation/side-by-side.ts";
import { byteText, intervalText, percentText, smallText } from "../quality-report/figure-text.ts";
import type { SchemesOverview } from "./overview.ts";
import { EARLIER, isOfPlan } from "./plan-of-figures.ts";
import { schemeWord } from "./scheme-words.ts";

/** An evaluated scheme: what it answers, what it loses on leaked data as well, and what a server measured. */
export interface EvaluationRow {
  readonly name: string;
  readonly word: string;
  /** By `EVALUATION_TITLES`, without the first two. */
  readonly cells: readonly string[];
}

export const EVALUATION_TITLES = [
  "Scheme",
  "Word",
  "Answers as the unquantized",
  "KL on held-out data (95 %)",
  "KL on the original’s set, leaked",
  "Same top token there, leaked",
  "Speed and memory, by a server",
] as const;

export const evaluationRows = ({
  schemes,
}: Pick<SchemesOverview, "schemes">): readonly EvaluationRow[] =>
  schemes.flatMap((shown) =>
    shown.evaluation === null
      ? []
      : [
          {
            name: shown.name,
            word: isOfPlan(shown.evaluation, shown) ? schemeWord(shown) : EARLIER,
            cells: cellsOf(shown.evaluation),
          },
        ],
  );

function cellsOf({ answers, figures, speed }: Evaluation): readonly string[] {
  const held = figures.find(({ leaked }) => !leaked);
  const leaked = figures.find((of) => of.leaked);
  const klOf = (of: MeasuredOn | undefined): string =>
    of === undefined ? "–" : intervalText(of.scheme.kl, smallText);
  return [
    `${sameAnswers(answers)} of ${answers.length}`,
    klOf(held),
    klOf(leaked),
    leaked === undefined ? "–" : intervalText(leaked.scheme.top1_agreement, percentText),
    speedText(speed),
  ];
}

/** Times of a server alone: those of simulated quantization mean nothing. */
function speedText(speed: readonly SpeedOf[]): string {
  const timed = speed.flatMap(({ format, measured }) =>
    measured === null
      ? []
      : [
          `${format}: prefill ${measured.prefill_ms.toFixed(1)} ms, decode ${measured.decode_ms.toFixed(2)} ms a token, ${byteText(measured.peak_bytes)}`,
        ],
  );
  if (timed.length > 0) return timed.join("; ");
  const why = new Set(speed.flatMap(({ not_measured }) => not_measured ?? []));
  return `not measured${why.size === 0 ? "" : `: ${[...why].join("; ")}`}`;
}
