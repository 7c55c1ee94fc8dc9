import type { MeasuredFrontier } from "../quality/measured-frontier.ts";
import type { PlanKind } from "../quality/plan-document.ts";
import { rangeText, type AnswerPoint } from "./answer-point.ts";
import { intervalText, inverse, sizeText, timesText } from "./figure-text.ts";
import { KINDS, recipeName, recipeQuantizes } from "./names.ts";
import { budgetRuns } from "./runs.ts";

const twoDigits = (value: number): string => timesText(value, 2);

/** A plan of this much less than a recipe is not of its size: that the recipe is better then says nothing. */
const NEAR_BITS = 0.3;

/** For each recipe: whether the largest plan of the solver that is no larger is better. */
export const recipePoints = ({ recipes, plans }: MeasuredFrontier): readonly AnswerPoint[] =>
  recipes.map((recipe) => {
    const { name, bits, against, better } = recipe;
    const called = recipeName(name);
    const rival = plans.find((plan) => plan.name === against?.plan);
    if (against === null || rival === undefined) {
      return {
        lead: `${called} has no rival`,
        text: `no plan by sensitivity is as small as ${sizeText(bits)} bits.`,
      };
    }
    const what = recipeQuantizes(name);
    const uniform = `uniform ${called} (${sizeText(bits)} bits${what === null ? "" : `, ${what}`})`;
    const plan = `${rival.name} (${sizeText(rival.bits)} bits)`;
    const near = bits - rival.bits <= NEAR_BITS;
    if (better === "recipe") {
      const loses = `${plan} loses ${intervalText(inverse(against.factor), twoDigits)} times as much as ${uniform}`;
      return near
        ? { lead: `${called} beats the plan by sensitivity`, text: `${loses}.` }
        : {
            lead: `${called} has no rival of its size`,
            text: `${loses}, but it is ${sizeText(bits - rival.bits)} bits smaller: a larger budget has to be measured.`,
          };
    }
    const loses = `${uniform} loses ${intervalText(against.factor, twoDigits)} times as much as ${plan}`;
    return better === "plan"
      ? {
          lead: `The plan by sensitivity beats ${called}`,
          text: `${loses}${near ? "" : `, which is ${sizeText(bits - rival.bits)} bits smaller`}.`,
        }
      : {
          lead: `The plan by sensitivity and ${called} cannot be told apart`,
          text: `${loses}; the interval includes 1.`,
        };
  });

/** For each kind of control: at how many sizes the plan by sensitivity is better, worse or neither. */
export function controlPoints(frontier: MeasuredFrontier): readonly AnswerPoint[] {
  return [...luckiestPoint(frontier), ...metPoints(frontier)];
}

/** A mean hides how far single random plans spread, so the best of them is named as well. */
function luckiestPoint({ verdicts, plans }: MeasuredFrontier): readonly AnswerPoint[] {
  const kl = new Map(plans.map((plan) => [plan.name, plan.kl.value]));
  const budgets = verdicts.map(({ budget }) => budget);
  const lower = verdicts.filter(({ plan, random }) => (kl.get(plan) ?? Infinity) < random.lowest);
  if (verdicts.length === 0) return [];
  const where =
    lower.length === 0
      ? "at none"
      : `at ${lower.length} of ${verdicts.length} sizes (${budgetRuns(budgets, new Set(lower.map(({ budget }) => budget)))} bits)`;
  return [
    {
      lead: "Against the luckiest random plan",
      text: `the plan by sensitivity has the lower KL ${where}; no interval says how sure that is.`,
    },
  ];
}

function metPoints({ verdicts, plans }: MeasuredFrontier): readonly AnswerPoint[] {
  const kindOf = new Map(plans.map(({ name, kind }) => [name, kind]));
  const budgets = verdicts.map(({ budget }) => budget);
  return CONTROLS.flatMap((kind) => {
    const met = verdicts.flatMap(({ budget, against }) =>
      against
        .filter(({ plan }) => kindOf.get(plan) === kind)
        .map(({ factor }) => ({ budget, factor })),
    );
    if (met.length === 0) return [];
    const at = (some: typeof met): string =>
      budgetRuns(budgets, new Set(some.map(({ budget }) => budget)));
    const part = (some: typeof met, text: string): readonly string[] => {
      if (some.length === 0) return [];
      const sizes =
        some.length === met.length
          ? `all ${met.length} sizes`
          : `${some.length} of ${met.length} sizes`;
      const factors = rangeText(some.map(({ factor }) => factor));
      return [
        `${text} ${met.length === 1 ? "the one size" : sizes} (${at(some)} bits), where the control loses ${factors} times as much`,
      ];
    };
    const parts = [
      ...part(
        met.filter(({ factor }) => factor.low > 1),
        "better at",
      ),
      ...part(
        met.filter(({ factor }) => factor.low <= 1 && factor.high >= 1),
        "no difference shown at",
      ),
      ...part(
        met.filter(({ factor }) => factor.high < 1),
        "worse at",
      ),
    ];
    return [{ lead: `Against ${CONTROL_LEADS[kind]}`, text: `${parts.join("; ")}.` }];
  });
}

const CONTROL_LEADS = {
  heuristic: "the usual heuristic (first and last blocks and down_proj larger)",
  weight_error: `plans by ${KINDS.weight_error.name}`,
  uniform: "one format everywhere",
  inverted: "inverted plans (most sensitive layers smallest)",
} as const satisfies Partial<Record<PlanKind, string>>;

const CONTROLS = ["heuristic", "weight_error", "uniform", "inverted"] as const;
