import { failed, ok, type Analysed } from "../result/result.ts";
import type { Figure } from "./figures.ts";
import {
  RANDOM_WEIGHTS,
  type Against,
  type BudgetVerdict,
  type Weights,
  type Word,
} from "./measured-frontier.ts";
import { meanOf, type KlSums, type PairedBootstrap } from "./paired-bootstrap.ts";

/** The solver's plan for a budget with the controls of equal size, measured. */
export interface Contest {
  readonly budget: number;
  readonly plan: KlSums;
  /** At least one. */
  readonly random: readonly KlSums[];
  /** Other plans of equal size: inverted, heuristic and so on. */
  readonly others: readonly KlSums[];
}

/** What decides beside the figures. */
export interface Standard {
  /** A plan is proven where the factor's lower bound exceeds this. */
  readonly provenAbove: number;
  readonly weights: Weights;
}

/**
 * The word for a plan. `proven`: the lower bound of KL(mean of random) / KL(plan) exceeds `provenAbove`.
 * Otherwise `not separable` where even the worst and the best control cannot be told apart (the interval of
 * their quotient includes 1), else `unproven`. No plan of random weights is proven, for any factor: a
 * decision, for which docs/measured-quality.md has the reasons.
 */
export function wordFor(
  factor: Figure,
  controls: Figure,
  { provenAbove, weights }: Standard,
): Pick<BudgetVerdict, "word" | "because"> {
  const measured: Word =
    factor.low > provenAbove ? "proven" : includesOne(controls) ? "not separable" : "unproven";
  return weights === "random" && measured !== "not separable"
    ? { word: "unproven", because: RANDOM_WEIGHTS }
    : { word: measured, because: null };
}

export const includesOne = ({ low, high }: Figure): boolean => low <= 1 && high >= 1;

/** What is said of the solver's plan for one budget. Names decide between equals, so the order of controls does not matter. */
export function verdictOf(
  bootstrap: PairedBootstrap,
  { budget, plan, random, others }: Contest,
  standard: Standard,
): Analysed<BudgetVerdict> {
  const controls = [...random, ...others].toSorted(
    (a, b) => a.whole - b.whole || (a.plan < b.plan ? -1 : 1),
  );
  const [best, worst] = [controls[0], controls.at(-1)];
  if (best === undefined || worst === undefined || random.length === 0) {
    return failed(
      "no_controls",
      plan.plan,
      `${plan.plan} has no random plans of its size to be compared with. Set random_plans above zero in conf/quality.`,
    );
  }
  const mean = meanOf("the mean of the random plans", random);
  const factor = bootstrap.factor(mean, plan);
  if (!factor.ok) return factor;
  const spread = bootstrap.factor(worst, best);
  if (!spread.ok) return spread;
  const against: Against[] = [];
  for (const other of others) {
    const multiple = bootstrap.factor(other, plan);
    if (!multiple.ok) return multiple;
    against.push({ plan: other.plan, factor: multiple.value });
  }
  const perToken = random.map((one) => bootstrap.perToken(one).value);
  return ok({
    budget,
    plan: plan.plan,
    ...wordFor(factor.value, spread.value, standard),
    factor: factor.value,
    random: {
      kl: bootstrap.perToken(mean),
      lowest: Math.min(...perToken),
      highest: Math.max(...perToken),
      plans: random.map((one) => one.plan).toSorted(),
    },
    against,
    controls: { worst: worst.plan, best: best.plan, factor: spread.value },
  });
}
