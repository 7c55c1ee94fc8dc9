import { markdownText } from "../text/markdown.ts";
import type { Comparison } from "./compare.ts";
import { bits, figure } from "./comparison-text.ts";
import type { ComparisonSet } from "./comparison-set.ts";

/**
 * For each member whether it could stand for another one, the one with the most samples for instance: it is
 * enough where it leads to the same bit plans. Rank correlations come with it, but no bound on them would
 * say the same of every model.
 */
export function enoughLines({ labels, pairs }: ComparisonSet, standard: string): readonly string[] {
  return labels.flatMap((label) => {
    const pair = pairs.find(({ a, b }) => a === label && b === standard);
    return pair === undefined
      ? []
      : [`**${markdownText(label)}** ${verdict(pair.comparison, markdownText(standard))}`];
  });
}

function verdict({ same, flips, ranks, top }: Comparison, standard: string): string {
  if (same) return `is the same as ${standard}.`;
  // The budgets of the members themselves may be among those that were asked for.
  const common = flips.filter(
    ({ budgets: { a, b } }, n) => a === b && flips.findIndex((one) => one.budgets.a === a) === n,
  );
  const other = common.filter(({ layers }) => layers.length > 0);
  const at = (some: typeof flips): string =>
    some.map(({ budgets }) => bits(budgets.a)).join(" and ");
  const plans =
    common.length === 0
      ? `has no budget in common with ${standard}, so plans cannot tell`
      : other.length === 0
        ? `is enough for the plans of ${standard}: at ${at(common)} bits no layer is chosen otherwise`
        : `is not enough for the plans of ${standard}: ${other
            .map((one) => `at ${at([one])} bits ${one.layers.length} of ${one.a.layers}`)
            .join(", ")} layers are chosen otherwise`;
  const [first] = top;
  const shared =
    first === undefined ? "" : `; ${first.shared} of the ${first.k} most sensitive layers are its`;
  return `${plans}. Order: Spearman ${figure(ranks.spearman)}${shared}.`;
}
