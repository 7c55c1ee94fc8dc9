import type { Figure } from "../quality/figures.ts";
import type { BudgetVerdict, MeasuredFrontier, Word } from "../quality/measured-frontier.ts";
import { WORDS } from "../quality/measured-frontier.ts";
import { rangeText, type AnswerPoint } from "./answer-point.ts";
import { controlPoints, recipePoints } from "./answer-controls.ts";
import { timesText } from "./figure-text.ts";
import { budgetRuns, counted } from "./runs.ts";

/** What a reader wants to know first. */
export interface Answer {
  /** Stands above everything else; null for a trained model. */
  readonly notice: string | null;
  readonly headline: string;
  readonly points: readonly AnswerPoint[];
}

const RANDOM_WEIGHTS_NOTICE =
  "This model was never trained: its weights are random. The figures show only that measuring works. Nothing about plans, formats or recipes follows from them.";

/** The answer in plain words, from the verdicts of a measured frontier. */
export function answerOf(frontier: MeasuredFrontier): Answer {
  const { weights, left_out } = frontier;
  return {
    notice: weights === "random" ? RANDOM_WEIGHTS_NOTICE : null,
    headline: headlineOf(frontier),
    points: [
      ...WORDS.flatMap((word) => wordPoints(frontier, word)),
      ...recipePoints(frontier),
      ...controlPoints(frontier),
      ...left_out.map(({ control, because }) => ({ lead: `No ${control}`, text: because })),
    ],
  };
}

function headlineOf({ verdicts, weights }: MeasuredFrontier): string {
  // Where weights are random no headline may sound like an answer.
  const on = weights === "random" ? "On random weights, plans" : "Plans";
  const proven = verdicts.filter(({ word }) => word === "proven");
  const all = counted(verdicts.length, "size");
  if (verdicts.length === 0) return "No plan was judged";
  if (proven.length === 0) return `${on} by sensitivity are proven at none of ${all}`;
  const at = budgetRuns(budgetsOf(verdicts), new Set(budgetsOf(proven)));
  // Better than the mean of random plans is not yet better than every control: both belong into the headline.
  const beaten = verdicts.filter(({ against }) => against.some(({ factor }) => factor.high < 1));
  const but = beaten.length === 0 ? "" : `, but a control beats them at ${beaten.length}`;
  return proven.length === verdicts.length
    ? `${on} by sensitivity are proven at all ${all}, ${at} bits${but}`
    : `${on} by sensitivity are proven at ${proven.length} of ${all}, ${at} bits${but}`;
}

const budgetsOf = (verdicts: readonly BudgetVerdict[]): readonly number[] =>
  verdicts.map(({ budget }) => budget);

function wordPoints(frontier: MeasuredFrontier, word: Word): readonly AnswerPoint[] {
  const { verdicts, definition } = frontier;
  const here = verdicts.filter((verdict) => verdict.word === word);
  const [first] = here;
  if (first === undefined) return [];
  const at = budgetRuns(budgetsOf(verdicts), new Set(budgetsOf(here)));
  const lead = `${WORD_LEADS[word]} at ${at} bits`;
  const plans = `${counted(first.random.plans.length, "random plan")} of the same size`;
  const factors = rangeText(here.map(({ factor }) => factor));
  if (word === "proven") {
    const sure = `the 95 % interval stays above ${timesText(definition.proven, 2)} at each of these sizes`;
    return [
      {
        lead,
        text: `${plans} lose on average ${factors} times as much as the plan by sensitivity, and ${sure}.`,
      },
    ];
  }
  if (word === "unproven" && first.because !== null) {
    return [
      {
        lead: `${lead}, since weights are random`,
        text: `no plan of an untrained model is called proven, for any figures. ${plans} lose on average ${factors} times as much as the plan by sensitivity, which says nothing of a trained model.`,
      },
    ];
  }
  if (word === "unproven") return [{ lead, text: `${unprovenText(here, definition.proven)}.` }];
  const spread = rangeText(here.map(({ controls }) => controls.factor));
  return [
    {
      lead,
      text: `even the worst and the best control cannot be told apart on these ${frontier.held_out.samples} samples (worst over best: ${spread}, and the interval includes 1). These sizes judge no plan, good or bad; the plan by sensitivity stands at ${factors} times.`,
    },
  ];
}

const WORD_LEADS: Readonly<Record<Word, string>> = {
  proven: "Proven",
  unproven: "Unproven",
  "not separable": "Not separable",
};

/** How far from proven: better but not by enough, no difference shown, or worse than random. */
function unprovenText(verdicts: readonly BudgetVerdict[], proven: number): string {
  const all = budgetsOf(verdicts);
  const say = (
    fits: (factor: Figure) => boolean,
    text: (factors: string, at: string) => string,
  ): readonly string[] => {
    const here = verdicts.filter(({ factor }) => fits(factor));
    if (here.length === 0) return [];
    const at =
      here.length === all.length ? "" : `at ${budgetRuns(all, new Set(budgetsOf(here)))} bits `;
    return [text(rangeText(here.map(({ factor }) => factor)), at)];
  };
  return [
    ...say(
      ({ low }) => low > 1,
      (factors, at) =>
        `${at}random plans lose more (${factors} times as much), but it is not shown to be more than ${timesText(proven, 2)} times`,
    ),
    ...say(
      ({ low, high }) => low <= 1 && high >= 1,
      (factors, at) =>
        `${at}the plan by sensitivity is not shown to differ from random plans of the same size (they lose ${factors} times as much, and the interval includes 1)`,
    ),
    ...say(
      ({ high }) => high < 1,
      (factors, at) =>
        `${at}the plan by sensitivity is worse than random plans of the same size (they lose ${factors} times as much)`,
    ),
  ].join("; ");
}
