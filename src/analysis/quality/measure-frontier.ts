import { failed, ok, type Analysed } from "../result/result.ts";
import { correlationsOf } from "./correlations.ts";
import { environmentOf, isOfSize, judgedIn } from "./judged-documents.ts";
import type {
  BudgetVerdict,
  Definition,
  MeasuredAlone,
  MeasuredFrontier,
  MeasuredPlan,
  MeasuredRecipe,
} from "./measured-frontier.ts";
import type { Overview } from "./overview.ts";
import { PairedBootstrap, type KlSums } from "./paired-bootstrap.ts";
import { ALONE, aloneName } from "./plan-document.ts";
import type { PlannedPlan } from "./planned.ts";
import type { QualityDocument } from "./quality-document.ts";
import { againstRecipe } from "./recipes.ts";
import { agreement } from "./same-basis.ts";
import { verdictOf, type Standard } from "./verdict.ts";
import { wholeModelBits } from "./whole-model.ts";

/** What a frontier is measured from. */
export interface FrontierSource extends Pick<
  MeasuredFrontier,
  "name" | "model" | "size" | "weights" | "calibration"
> {
  /** Which part of the held-out data. */
  readonly part: string;
  readonly definition: Definition;
  readonly overview: Overview;
  /** By name of the plan, and `alone`. */
  readonly measured: ReadonlyMap<string, QualityDocument>;
  readonly recipes: readonly RecipeSource[];
}

export interface RecipeSource {
  readonly name: string;
  /** Bits of a weight as stored, over the layers that may be quantized. */
  readonly bits: number;
  readonly document: QualityDocument;
}

/** Overview and measurements → verdicts, factors and correlations. */
export function measureFrontier(source: FrontierSource): Analysed<MeasuredFrontier> {
  const { overview, measured, recipes, definition, part, ...named } = source;
  const documents = [
    ...measured,
    ...recipes.map(({ name, document }) => [name, document] as const),
  ];
  const basis = agreement(documents);
  if (!basis.ok) return basis;
  const { heldOut, reference, sampleTokens } = basis.value;
  const bootstrap = PairedBootstrap.over(sampleTokens, definition.resamples, definition.seed);
  if (!bootstrap.ok) return bootstrap;

  const sums = new Map<string, KlSums>();
  const plans: MeasuredPlan[] = [];
  for (const plan of overview.plans) {
    const judged = judgedIn(measured.get(plan.name), plan.name);
    if (!judged.ok) return judged;
    const summed = bootstrap.value.sumsOf(plan.name, judged.value.sampleKl);
    if (!summed.ok) return summed;
    sums.set(plan.name, summed.value);
    plans.push({ ...plan, ...judged.value.figures });
  }
  const verdicts = verdictsOf(bootstrap.value, overview.plans, sums, {
    provenAbove: definition.proven,
    weights: source.weights,
  });
  if (!verdicts.ok) return verdicts;

  const judgedRecipes: MeasuredRecipe[] = [];
  for (const { name, bits, document } of recipes) {
    const judged = judgedIn(document, name);
    if (!judged.ok) return judged;
    const summed = bootstrap.value.sumsOf(name, judged.value.sampleKl);
    if (!summed.ok) return summed;
    const compared = againstRecipe(bootstrap.value, summed.value, bits, overview.plans, sums);
    if (!compared.ok) return compared;
    const whole_model_bits = wholeModelBits(overview, bits);
    judgedRecipes.push({
      name,
      bits,
      whole_model_bits,
      ...judged.value.figures,
      ...compared.value,
    });
  }
  const alone = aloneOf(overview, measured.get(ALONE));
  if (!alone.ok) return alone;
  const { groups: _groups, plans: _plans, ...planned } = overview;
  return ok({
    ...named,
    ...planned,
    held_out: { part, ...heldOut },
    definition,
    environment: environmentOf(documents),
    reference,
    plans,
    verdicts: verdicts.value,
    recipes: judgedRecipes.toSorted((a, b) => a.bits - b.bits || (a.name < b.name ? -1 : 1)),
    alone: alone.value,
    correlations: correlationsOf(plans, alone.value),
  });
}

function verdictsOf(
  bootstrap: PairedBootstrap,
  plans: readonly PlannedPlan[],
  sums: ReadonlyMap<string, KlSums>,
  standard: Standard,
): Analysed<readonly BudgetVerdict[]> {
  const verdicts: BudgetVerdict[] = [];
  const sumsOf = (some: readonly PlannedPlan[]): readonly KlSums[] =>
    some.flatMap(({ name }) => sums.get(name) ?? []);
  for (const { name, budget } of plans.filter(({ kind }) => kind === "solver")) {
    const plan = sums.get(name);
    if (budget === null || plan === undefined) continue;
    const here = plans.filter(
      (other) => other.kind !== "solver" && isOfSize(other, budget) && sums.has(other.name),
    );
    const verdict = verdictOf(
      bootstrap,
      {
        budget,
        plan,
        random: sumsOf(here.filter(({ kind }) => kind === "random")),
        others: sumsOf(here.filter(({ kind }) => kind !== "random")),
      },
      standard,
    );
    if (!verdict.ok) return verdict;
    verdicts.push(verdict.value);
  }
  return ok(verdicts.toSorted((a, b) => a.budget - b.budget));
}

function aloneOf(
  { groups, candidates }: Overview,
  document: QualityDocument | undefined,
): Analysed<readonly MeasuredAlone[]> {
  const judged = new Map(document?.plans.map((plan) => [plan.name, plan.kl]));
  const alone: MeasuredAlone[] = [];
  for (const { name: group, kind, tower, predicted } of groups) {
    for (const [c, { name: candidate }] of candidates.entries()) {
      const kl = judged.get(aloneName(group, candidate));
      if (kl === undefined) {
        return failed(
          "wrong_structure",
          group,
          `The measurement of groups alone has no figure for ${group} at ${candidate}. Measure it again.`,
        );
      }
      alone.push({ group, candidate, kind, tower, predicted: predicted[c] ?? NaN, kl });
    }
  }
  return ok(alone);
}
