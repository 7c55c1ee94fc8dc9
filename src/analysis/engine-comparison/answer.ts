import { budgetWords, intervalText, smallText, timesText } from "../quality-report/figure-text.ts";
import type { EngineComparison, EnginePair, EngineSummary, EngineVerdict } from "./comparison.ts";

export interface EngineAnswer {
  /** Stands above everything else; null for a trained model. */
  readonly notice: string | null;
  readonly headline: string;
  readonly points: readonly { readonly lead: string; readonly text: string }[];
}

/** The answer in plain words: whose scores led to the better model, by how much, and whether that means something. */
export function engineAnswer(comparison: EngineComparison): EngineAnswer {
  const { weights, engines, pairs, unjudged, left_out: leftOut } = comparison;
  return {
    notice:
      weights === "random"
        ? "This model was never trained: its weights are random. The figures show only that comparing works. Nothing about engines follows from them."
        : null,
    headline: headlineOf(comparison),
    points: [
      ...rangePoint(comparison),
      ...engines.map((engine) => ({
        lead: engine.engine,
        text: engineText(engine, comparison),
      })),
      ...pairs.map((pair) => ({ lead: `${pair.better} and ${pair.worse}`, text: pairText(pair) })),
      ...unjudged.map(({ budget, because }) => ({
        lead: `Not judged at ${budgetWords(budget)} bits`,
        text: `${because}: so little is quantized that what is measured is rounding.`,
      })),
      ...leftOut.map(({ engine, because }) => ({ lead: `No ${engine}`, text: `${because}.` })),
    ],
  };
}

function headlineOf({ engines, pairs, weights }: EngineComparison): string {
  const [first, second] = engines;
  if (first === undefined) return "No engine was compared";
  if (weights === "random") return "On random weights no engine is said to be better";
  if (second === undefined) return `Only ${first.engine} has scores here`;
  const better = pairs.filter(({ verdict }) => verdict === "better");
  const worse = engines.every(({ factor }) => factor.high < 1)
    ? ", and none of them is better than random plans"
    : "";
  const beaten = better.filter((pair) => pair.better === first.engine);
  const against = beaten.filter(({ budgets }) => budgets.below > 0).map((pair) => pair.worse);
  const but = against.length === 0 ? "" : `, though not at every size (${listed(against)})`;
  if (beaten.length === engines.length - 1)
    return `Scores of ${first.engine} led to the better models here${but}${worse}`;
  if (better.length > 0) {
    const ahead = [...new Set(better.map((pair) => pair.better))].map((name) => {
      const behind = better.filter((pair) => pair.better === name).map((pair) => pair.worse);
      return `${name} is ahead of ${listed(behind)}`;
    });
    return `No engine is best here: ${ahead.join("; ")}${worse}`;
  }
  return `No engine is shown to be better than another here${worse}`;
}

const listed = (names: readonly string[]): string => names.join(" and ");

/** What is at stake: a factor of two of a divergence of rounding is nothing. */
function rangePoint({ budgets }: EngineComparison): EngineAnswer["points"] {
  const all = budgets.flatMap(({ engines }) => engines.map(({ kl }) => kl.value));
  return all.length === 0
    ? []
    : [
        {
          lead: "What is compared",
          text: `plans whose KL to the unquantized model is ${smallText(Math.min(...all))} to ${smallText(Math.max(...all))} nats a token. Near 1e-8 figures are rounding.`,
        },
      ];
}

function engineText(
  { factor, spread, moved, draws, zeros, scored }: EngineSummary,
  { budgets, quantizable }: EngineComparison,
): string {
  const than = factor.high < 1 ? ", so that chance does better" : "";
  const changes =
    spread === null
      ? "Its scores are of a single draw of calibration data, so how much another draw changes is not known."
      : moved === 0
        ? `All ${draws.length} draws of calibration data led to the same plans.`
        : `Another draw of calibration data led to another plan at ${moved} of ${budgets.length} budgets; its worst of ${draws.length} draws loses ${intervalText(spread)} times as much as its best.`;
  const on =
    scored.samples === null
      ? ""
      : ` Its scores are sums over ${scored.samples} samples${scored.tokens === null ? "" : ` (${scored.tokens} tokens)`}.`;
  const none =
    zeros === 0 ? "" : ` ${zeros} of ${quantizable.groups} layer groups score exactly 0.`;
  return `random plans of the same size lose ${intervalText(factor)} times as much as its plans, over all budgets${than}. ${changes}${on}${none}`;
}

function pairText({
  better,
  worse,
  factor,
  range,
  budgets,
  spread,
  without_one: withoutOne,
  verdict,
}: EnginePair): string {
  const { above, below, same, all } = budgets;
  const single = `from ${timesText(range.lowest)} to ${timesText(range.highest)} at single budgets`;
  const counts = `At ${above} of ${all} budgets the interval is above 1, at ${below} below, at ${same} both have the same plans.`;
  const word = VERDICT_WORDS[verdict]({
    spread: spread === null ? "" : timesText(spread),
    without: withoutOne === null ? "" : intervalText(withoutOne),
  });
  return `plans of ${worse} lose ${intervalText(factor)} times as much as those of ${better}, ${single}. ${counts} ${word}`;
}

const VERDICT_WORDS: Readonly<
  Record<EngineVerdict, (of: { readonly spread: string; readonly without: string }) => string>
> = {
  better: ({ spread, without }) =>
    `That is more than another draw changes (${spread})${without === "" ? "" : `, and no single budget decides it (${without} without the largest)`}.`,
  "depends on the size": ({ without }) =>
    `A single budget decides it: without the largest the factor is ${without}.`,
  "within draws": ({ spread }) =>
    `Another draw of calibration data may change as much (${spread}), so that this is no difference between engines.`,
  "draws not known": () =>
    "How much another draw of calibration data changes is not known, so nothing is said of the engines.",
  "not separable": () => "The held-out samples do not tell them apart.",
  unproven: () => "Weights are random, so nothing is said of the engines.",
};
