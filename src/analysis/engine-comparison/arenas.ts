import { isOfSize } from "../quality/judged-documents.ts";
import { meanOf, type KlSums } from "../quality/paired-bootstrap.ts";
import { failed, ok, type Analysed } from "../result/result.ts";
import type { ComparedPlan } from "./comparison.ts";

/** An engine's sums at one budget: each draw, and their mean. */
export interface Contender {
  readonly draws: readonly { readonly draw: string; readonly sums: KlSums }[];
  readonly mean: KlSums;
}

export interface Arena {
  readonly budget: number;
  readonly random: KlSums;
  readonly randomPlans: readonly KlSums[];
  readonly controls: readonly { readonly plan: ComparedPlan; readonly sums: KlSums }[];
  readonly contenders: ReadonlyMap<string, Contender>;
}

/** Measured plans by budget: those of engines, random ones, other controls. */
export function arenasOf(
  plans: readonly ComparedPlan[],
  sums: ReadonlyMap<string, KlSums>,
): Analysed<readonly Arena[]> {
  const budgets = [...new Set(plans.flatMap(({ budget }) => budget ?? []))].toSorted(
    (a, b) => a - b,
  );
  const arenas: Arena[] = [];
  for (const budget of budgets) {
    const here = plans.flatMap((plan) => {
      const own = sums.get(plan.name);
      return isOfSize(plan, budget) && own !== undefined ? [{ plan, sums: own }] : [];
    });
    const contenders = new Map<string, Contender>();
    for (const { plan, sums: own } of here) {
      const { engine, draw } = plan;
      if (engine === null || draw === null) continue;
      const draws = [...(contenders.get(engine)?.draws ?? []), { draw, sums: own }];
      const mean = meanOf(
        `the mean of ${engine}'s plans`,
        draws.map((one) => one.sums),
      );
      contenders.set(engine, { draws, mean });
    }
    const random = here.filter(({ plan }) => plan.kind === "random").map((one) => one.sums);
    if (random.length === 0) {
      return failed(
        "no_controls",
        String(budget),
        `A budget of ${budget} bits has no random plans to be compared with. Set random_plans above zero in conf/engine_comparison.`,
      );
    }
    arenas.push({
      budget,
      random: meanOf("the mean of the random plans", random),
      randomPlans: random,
      controls: here.filter(({ plan }) => plan.kind !== "random" && plan.kind !== "engine"),
      contenders,
    });
  }
  return ok(arenas);
}

/** An engine at every budget: its mean over draws. */
export const meansOf = (
  arenas: readonly Arena[],
  engine: string,
): readonly (readonly [KlSums, Arena])[] =>
  arenas.flatMap((arena) => {
    const contender = arena.contenders.get(engine);
    return contender === undefined ? [] : [[contender.mean, arena] as const];
  });
