import { budgetWords, intervalText, timesText } from "../quality-report/figure-text.ts";
import type { EngineComparison, EnginePair, EngineVerdict } from "./comparison.ts";

export interface EngineAnswer {
  /** Stands above everything else; null for a trained model. */
  readonly notice: string | null;
  readonly headline: string;
  readonly points: readonly { readonly lead: string; readonly text: string }[];
}

/** The answer in plain words: whose scores led to the better model, by how much, and whether that means something. */
export function engineAnswer(comparison: EngineComparison): EngineAnswer {
  const { weights, engines, pairs, left_out: leftOut } = comparison;
  return {
    notice:
      weights === "random"
        ? "This model was never trained: its weights are random. The figures show only that comparing works. Nothing about engines follows from them."
        : null,
    headline: headlineOf(comparison),
    points: [
      ...engines.map(({ engine, factor, spread, draws, zeros }) => ({
        lead: engine,
        text: `random plans of the same size lose ${intervalText(factor)} times as much as its plans, over all budgets. ${
          draws.length < 2
            ? "Its scores are of a single draw of calibration data, so how much another draw changes is not known."
            : `Its worst of ${draws.length} draws of calibration data loses ${intervalText(spread)} times as much as its best.`
        }${zeros === 0 ? "" : ` ${zeros} of ${comparison.quantizable.groups} layer groups score exactly 0.`}`,
      })),
      ...pairs.map((pair) => ({ lead: `${pair.better} and ${pair.worse}`, text: pairText(pair) })),
      ...comparison.unjudged.map(({ budget, because }) => ({
        lead: `Not judged at ${budgetWords(budget)} bits`,
        text: `${because}: so little is quantized that what is measured is rounding.`,
      })),
      ...leftOut.map(({ engine, because }) => ({ lead: `No ${engine}`, text: `${because}.` })),
    ],
  };
}

function headlineOf({ engines, pairs, weights }: EngineComparison): string {
  const [first, second] = engines;
  const on = weights === "random" ? "on random weights" : "here";
  if (first === undefined) return "No engine was compared";
  if (second === undefined) return `Only ${first.engine} has scores ${on}`;
  const beaten = pairs.filter(
    ({ better, verdict }) => better === first.engine && verdict === "better",
  );
  const factor = pairs.find(
    ({ better, worse }) => better === first.engine && worse === second.engine,
  );
  const by =
    factor === undefined
      ? ""
      : `, by a factor of ${timesText(factor.factor.value)} over ${second.engine}`;
  const against = beaten.filter(({ budgets }) => budgets.below > 0);
  const but =
    against.length === 0
      ? ""
      : `, though not at every size (${against.map(({ worse }) => worse).join(" and ")})`;
  if (beaten.length === engines.length - 1)
    return `Scores of ${first.engine} led to the better models ${on}${by}: more than another draw of calibration data changes${but}`;
  if (beaten.length > 0)
    return `No engine is best ${on}: ${first.engine} is ahead of ${beaten.map(({ worse }) => worse).join(" and ")}, and not of all`;
  return `No engine is better than another ${on}: differences are no larger than those between draws of calibration data`;
}

const pairText = ({ better, worse, factor, budgets, spread, verdict }: EnginePair): string =>
  `plans of ${worse} lose ${intervalText(factor)} times as much as those of ${better}. At ${budgets.above} of ${budgets.all} budgets the interval is above 1, at ${budgets.below} below. ${VERDICT_WORDS[verdict](timesText(spread))}`;

const VERDICT_WORDS: Readonly<Record<EngineVerdict, (spread: string) => string>> = {
  better: (spread) => `That is more than another draw changes (${spread}).`,
  "within draws": (spread) =>
    `Another draw of calibration data changes as much (${spread}), so that this is no difference between engines.`,
  "not separable": () => "The held-out samples do not tell them apart.",
};
