import type { Figure } from "../quality/figures.ts";
import type {
  BudgetVerdict,
  MeasuredFrontier,
  MeasuredPlan,
  MeasuredRecipe,
} from "../quality/measured-frontier.ts";
import { sizeText } from "./figure-text.ts";
import { verdictText, type RowKind } from "./names.ts";

/** A plan or a recipe, and its row. */
export interface PlanRow {
  readonly kind: RowKind;
  readonly measured: MeasuredPlan | MeasuredRecipe;
  /** In every table that names the plan: the word of its verdict; of a control that it is one. */
  readonly word: string;
  /** What decided the word where the figures did not. */
  readonly because: string | null;
  /** KL(mean of random plans) / KL(plan): of judged plans alone. */
  readonly proof: Figure | null;
  /** KL(this) / KL(the plan by sensitivity of that size), and that plan. */
  readonly against: { readonly plan: string; readonly factor: Figure } | null;
}

/** A row for each plan and recipe, in the order of the document. */
export function planRows(frontier: MeasuredFrontier): readonly PlanRow[] {
  const verdicts = new Map(frontier.verdicts.map((verdict) => [verdict.plan, verdict]));
  const against = new Map(
    frontier.verdicts.flatMap((verdict) =>
      verdict.against.map(({ plan, factor }) => [plan, { plan: verdict.plan, factor }] as const),
    ),
  );
  const sizes = new Map(frontier.plans.map(({ name, bits }) => [name, bits]));
  const plans = frontier.plans.map((measured): PlanRow => {
    const verdict = verdicts.get(measured.name);
    return {
      kind: measured.kind,
      measured,
      word: verdict?.word ?? (measured.kind === "solver" ? "not judged" : "control"),
      because: verdict?.because ?? null,
      proof: verdict?.factor ?? null,
      against: against.get(measured.name) ?? null,
    };
  });
  const recipes = frontier.recipes.map((measured): PlanRow => ({
    kind: "recipe",
    measured,
    word: recipeWord(measured, verdicts, sizes),
    because: null,
    proof: null,
    against: measured.against,
  }));
  return [...plans, ...recipes];
}

/** What a recipe is to the plan that it is compared with, and the word for that plan. */
function recipeWord(
  { better, against }: MeasuredRecipe,
  verdicts: ReadonlyMap<string, BudgetVerdict>,
  sizes: ReadonlyMap<string, number>,
): string {
  if (against === null || better === null) return "not compared";
  const verdict = verdicts.get(against.plan);
  const word = verdict === undefined ? "not judged" : verdictText(verdict);
  const bits = sizeText(sizes.get(against.plan) ?? NaN);
  return `${RECIPE_WORDS[better]} ${against.plan} of ${bits} bits (${word})`;
}

const RECIPE_WORDS = {
  plan: "worse than",
  recipe: "better than",
  "not separable": "not told apart from",
} as const;
