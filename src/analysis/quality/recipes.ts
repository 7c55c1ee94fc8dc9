import { ok, type Analysed } from "../result/result.ts";
import type { Against, Better } from "./measured-frontier.ts";
import type { KlSums, PairedBootstrap } from "./paired-bootstrap.ts";
import type { PlannedPlan } from "./planned.ts";
import { includesOne } from "./verdict.ts";

/**
 * A uniform recipe against the largest of the solver's plans that is no larger: KL(recipe) / KL(plan). Where
 * the interval includes 1 neither is better; null where every plan is larger.
 */
export function againstRecipe(
  bootstrap: PairedBootstrap,
  recipe: KlSums,
  bits: number,
  plans: readonly PlannedPlan[],
  sums: ReadonlyMap<string, KlSums>,
): Analysed<{ readonly against: Against | null; readonly better: Better | null }> {
  const [largest] = plans
    .filter((plan) => plan.kind === "solver" && plan.bits <= bits * (1 + 1e-12))
    .toSorted((a, b) => b.bits - a.bits || (b.budget ?? 0) - (a.budget ?? 0));
  const plan = largest === undefined ? undefined : sums.get(largest.name);
  if (plan === undefined) return ok({ against: null, better: null });
  const factor = bootstrap.factor(recipe, plan);
  if (!factor.ok) return factor;
  const better = includesOne(factor.value)
    ? "not separable"
    : factor.value.low > 1
      ? "plan"
      : "recipe";
  return ok({ against: { plan: plan.plan, factor: factor.value }, better });
}
