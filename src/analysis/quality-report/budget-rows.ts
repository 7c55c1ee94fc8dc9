import type {
  BudgetVerdict,
  MeasuredFrontier,
  MeasuredPlan,
} from "../quality/measured-frontier.ts";
import type { RowKind } from "./names.ts";

/** The verdict of a budget beside the plans of its size. */
export interface BudgetRow extends BudgetVerdict {
  /** The judged plan. */
  readonly solver: MeasuredPlan;
  /** Controls of this budget by their kinds; of random plans see `random`. */
  readonly controls_by_kind: ReadonlyMap<RowKind, MeasuredPlan>;
}

export function budgetRows({ verdicts, plans }: MeasuredFrontier): readonly BudgetRow[] {
  const named = new Map(plans.map((plan) => [plan.name, plan]));
  return verdicts.flatMap((verdict) => {
    const solver = named.get(verdict.plan);
    if (solver === undefined) return [];
    const controls = verdict.against.flatMap(({ plan }) => named.get(plan) ?? []);
    return [
      { ...verdict, solver, controls_by_kind: new Map(controls.map((one) => [one.kind, one])) },
    ];
  });
}
