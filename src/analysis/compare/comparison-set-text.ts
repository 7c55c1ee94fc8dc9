import { markdownText } from "../text/markdown.ts";
import { evenTable } from "../text/markdown-table.ts";
import type { Comparison } from "./compare.ts";
import type { ComparisonSet } from "./comparison-set.ts";
import { bits, detailBlocks, figure, findings } from "./comparison-text.ts";
import { enoughLines } from "./enough.ts";

/** Beyond so many, details of each pair would fill pages: then only the tables are written. */
const DETAILED = 3;

/**
 * @param question what the comparison is made for, as its title
 * @param standard label of the member that the others might stand for: then it says whether they can
 */
export function comparisonSetText(set: ComparisonSet, question: string, standard?: string): string {
  const { labels, pairs } = set;
  const blocks = [`# ${markdownText(question)}`];
  if (pairs.length === 0) {
    blocks.push(
      labels.length === 0
        ? "Nothing is measured yet."
        : `Only ${markdownText(labels.join(", "))} is measured yet, so there is nothing to compare.`,
    );
    return `${blocks.join("\n\n")}\n`;
  }
  const enough = standard === undefined ? [] : enoughLines(set, standard);
  if (enough.length > 0) blocks.push(enough.map((line) => `- ${line}`).join("\n"));
  blocks.push(
    "Order of the layers, Spearman's rank correlation:",
    matrix(set, ({ ranks }) => figure(ranks.spearman)),
  );
  const k = pairs[0]?.comparison.top[0]?.k;
  if (k !== undefined)
    blocks.push(
      `Shared among the ${k} most sensitive layers:`,
      matrix(set, ({ top }) => String(top.find((one) => one.k === k)?.shared ?? "")),
    );
  const budget = pairs[0]?.comparison.flips.at(-1)?.budgets.a;
  if (budget !== undefined)
    blocks.push(
      `Layers chosen otherwise at ${bits(budget)} bits:`,
      matrix(set, ({ flips }) => {
        const common = flips.find(({ budgets }) => budgets.a === budget && budgets.b === budget);
        return common === undefined ? "" : `${common.layers.length} of ${common.a.layers}`;
      }),
    );
  if (pairs.length <= DETAILED)
    for (const { a, b, comparison } of pairs) {
      const said = comparison.same ? ["They are the same."] : findings(comparison);
      blocks.push(
        `## ${markdownText(a)} (A) against ${markdownText(b)} (B)`,
        said.map((one) => `- ${one}`).join("\n"),
      );
      blocks.push(...detailBlocks({ ...comparison, shares: [] }, "###"));
    }
  return `${blocks.join("\n\n")}\n`;
}

/** The same data for programs. */
export function comparisonSetJson({ labels, pairs }: ComparisonSet): string {
  const compared = pairs.map(({ a, b, comparison }) => ({
    ...comparison,
    a,
    b,
  }));
  return `${JSON.stringify({ schema: 1, members: labels, pairs: compared }, null, 2)}\n`;
}

function matrix(
  { labels, pairs }: ComparisonSet,
  cell: (comparison: Comparison) => string,
): string {
  const find = (a: string, b: string): string => {
    const pair = pairs.find((one) => (one.a === a && one.b === b) || (one.a === b && one.b === a));
    return pair === undefined ? "" : cell(pair.comparison);
  };
  const rows = labels.map((label) => [label, ...labels.map((other) => find(label, other))]);
  return evenTable(["", ...labels], rows) ?? "";
}
