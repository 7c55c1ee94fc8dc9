import {
  budgetWords,
  intervalText,
  sizeText,
  smallText,
  timesText,
} from "../quality-report/figure-text.ts";
import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import { engineAnswer } from "./answer.ts";
import type { Agreement, EngineComparison, EnginePair, SharedEnd } from "./comparison.ts";
import { engineTerms } from "./terms.ts";

/** Files beside the document. */
export interface EngineFiles {
  readonly page: string;
  readonly picture: string;
}

/** The text of `engines-<name>.md`: the answer, plans by size, engines by pairs, ranks. */
export function engineComparisonMarkdown(comparison: EngineComparison, files: EngineFiles): string {
  const { notice, headline, points } = engineAnswer(comparison);
  const { model, name, scope, size, held_out: held, calibration } = comparison;
  const blocks: readonly (string | null)[] = [
    `# Engines compared: ${markdownText(model)}`,
    `${markdownText(name)}, ${scope === "lm" ? "language layers" : "vision and language layers"}, ${calibration.samples} calibration samples (${size}) a draw, judged on ${held.samples} held-out samples with ${held.tokens} counted tokens (${held.part}). ${markdownLink("The page", files.page)} has every plan.`,
    notice === null ? null : `> **Random weights.** ${notice}`,
    `## ${markdownText(headline)}`,
    points.map(({ lead, text }) => `- **${markdownText(lead)}**: ${markdownText(text)}`).join("\n"),
    `![Measured KL by size and engine](${files.picture})`,
    "## Plans of equal size",
    "KL to the unquantized model in nats a token (0 is no change): mean over draws of calibration data, lowest to highest draw in brackets.",
    budgetTable(comparison),
    uniformTable(comparison),
    "## Engines in pairs",
    pairTable(comparison),
    "## Ranks",
    "Spearman's correlation of scores a weight, with ties as midranks. Two draws of one engine stand below two engines for scale. A rank correlation says whether engines agree, not who is right: the measured KL above says that. By chance two orders share k² / n of their first k of n groups.",
    ranksTable(comparison),
    apartBlock(comparison),
    "## How to read it",
    engineTerms(comparison)
      .map(({ term, means }) => `- **${term}**: ${markdownText(means)}`)
      .join("\n"),
  ];
  return `${blocks.filter((block) => block !== null).join("\n\n")}\n`;
}

function budgetTable({ budgets, engines }: EngineComparison): string | null {
  const names = engines.map(({ engine }) => engine);
  const controls = ["alone", "heuristic", "inverted"] as const;
  return table(
    [
      "Budget, bits",
      ...names.map((engine) => `KL ${markdownText(engine)}`),
      "KL random: mean (lowest to highest)",
      ...controls.map((kind) => `KL ${CONTROL_NAMES[kind]}`),
    ],
    budgets.map((row) => [
      budgetWords(row.budget),
      ...names.map((name) => {
        const own = row.engines.find(({ engine }) => engine === name);
        return own === undefined ? "–" : `${drawsText(own.kl.value, own.draws)}, ${own.word}`;
      }),
      `${smallText(row.random.kl.value)} (${smallText(row.random.lowest)} to ${smallText(row.random.highest)})`,
      ...controls.map((kind) => {
        const control = row.controls.find((one) => one.kind === kind);
        return control === undefined ? "–" : smallText(control.kl.value);
      }),
    ]),
  );
}

export const CONTROL_NAMES = {
  alone: "groups measured alone",
  heuristic: "heuristic",
  inverted: "inverted",
} as const;

/** `1.2e-5 (1.1e-5 to 1.4e-5)`: the mean and the range over draws. */
export function drawsText(
  mean: number,
  draws: readonly { readonly kl: { readonly value: number } }[],
): string {
  const values = draws.map(({ kl }) => kl.value);
  return values.length < 2
    ? smallText(mean)
    : `${smallText(mean)} (${smallText(Math.min(...values))} to ${smallText(Math.max(...values))})`;
}

function uniformTable({ uniform }: EngineComparison): string | null {
  return table(
    ["One format everywhere", "Bits", "KL (95 %)"],
    uniform.map(({ plan, bits, kl }) => [
      markdownCode(plan),
      sizeText(bits),
      intervalText(kl, smallText),
    ]),
  );
}

export const PAIR_TITLES = [
  "Lower KL",
  "Higher KL",
  "KL higher / lower (95 %)",
  "At single budgets",
  "Without the largest",
  "Budgets above 1",
  "Below 1",
  "Same plans",
  "Another draw changes, at most",
  "Verdict",
];

/** What stands between the names of a pair and its verdict. */
export const pairCells = (pair: EnginePair): readonly string[] => [
  intervalText(pair.factor),
  `${timesText(pair.range.lowest)} to ${timesText(pair.range.highest)}`,
  pair.without_one === null ? "–" : intervalText(pair.without_one),
  `${pair.budgets.above} of ${pair.budgets.all}`,
  `${pair.budgets.below} of ${pair.budgets.all}`,
  `${pair.budgets.same} of ${pair.budgets.all}`,
  pair.spread === null ? "–" : timesText(pair.spread),
];

/** `1 of 2`; a dash where equal scores leave it open. */
export const sharedText = ({ k, shared }: SharedEnd): string =>
  shared === null ? "–" : `${shared} of ${k}`;

function pairTable({ pairs }: EngineComparison): string | null {
  return table(
    PAIR_TITLES,
    pairs.map((pair) => [
      markdownText(pair.better),
      markdownText(pair.worse),
      ...pairCells(pair),
      `**${pair.verdict}**`,
    ]),
  );
}

function ranksTable({ agreement, candidates }: EngineComparison): string | null {
  const kinds = [...new Set(agreement.flatMap((one) => one.kinds.map(({ kind }) => kind)))].filter(
    (kind) => agreement.some((one) => spearmanOf(one, kind) !== null),
  );
  return table(
    [
      "Scores",
      "and scores",
      ...(candidates.length > 1 ? ["Candidate"] : []),
      "Spearman",
      "Kendall's tau-b",
      "Most sensitive tenth shared",
      "Least sensitive tenth shared",
      ...kinds,
    ],
    agreement.map((one) => [
      markdownText(one.a),
      markdownText(one.b),
      ...(candidates.length > 1 ? [markdownText(one.candidate)] : []),
      correlationText(one.all.spearman),
      correlationText(one.all.kendall),
      sharedText(one.top),
      sharedText(one.bottom),
      ...kinds.map((kind) => correlationText(spearmanOf(one, kind))),
    ]),
  );
}

const spearmanOf = ({ kinds }: Agreement, kind: string): number | null =>
  kinds.find((one) => one.kind === kind)?.spearman ?? null;

export const correlationText = (value: number | null): string =>
  value === null ? "–" : value.toFixed(2);

function apartBlock({ agreement, quantizable, candidates }: EngineComparison): string | null {
  const lines = agreement
    .filter(({ what, apart }) => what === "engines" && apart.length > 0)
    .map(({ a, b, candidate, apart }) => {
      const moved = apart.map(
        ({ group, a: placeA, b: placeB }) => `${markdownCode(group)} (${placeA} and ${placeB})`,
      );
      const of = candidates.length > 1 ? `, ${candidate}` : "";
      return `- **${markdownText(`${a} and ${b}${of}`)}**: ${moved.join(", ")}`;
    });
  return lines.length === 0
    ? null
    : `Where engines disagree most: places of ${quantizable.groups}, 1 is the most sensitive a weight.\n\n${lines.join("\n")}`;
}
