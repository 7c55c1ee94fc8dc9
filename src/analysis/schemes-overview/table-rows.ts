import { sameAnswers } from "../evaluation/side-by-side.ts";
import {
  byteText,
  intervalText,
  percentText,
  perplexityText,
  sizeText,
  smallText,
  timesText,
} from "../quality-report/figure-text.ts";
import type { Figure } from "../quality/figures.ts";
import type { SchemeQuality } from "../schemes/scheme-quality.ts";
import { goalStateOf, goalWords } from "./goal-state.ts";
import { baselineRows, type BaselineRow } from "./baseline-rows.ts";
import {
  basesOf,
  isMeasured,
  type Basis,
  type SchemesOverview,
  type ShownScheme,
} from "./overview.ts";
import { EARLIER, isOfPlan } from "./plan-of-figures.ts";
import {
  askedText,
  foundText,
  perplexityRatio,
  ratioText,
  schemeWord,
  servingText,
} from "./scheme-words.ts";

/** A cell of the table of schemes. */
export interface TableCell {
  readonly text: string;
  /** What rows are sorted by, with all digits; null where there is no number. */
  readonly value: number | null;
  /** A second line: the interval of a figure, or what a number means. */
  readonly below: string | null;
}

/** A scheme, or what schemes are seen against. */
export interface TableRow {
  readonly kind: "scheme" | "unquantized" | "uniform";
  readonly name: string;
  /** Which layers its bits are an average over. */
  readonly scope: "lm" | "all_layers";
  readonly word: string;
  /** In words: what was asked for. */
  readonly asked: string;
  /** By `columnsOf`. */
  readonly cells: Readonly<Record<ColumnKey, TableCell>>;
}

const COLUMNS = [
  { key: "goal", title: "Goal, and what was judged" },
  { key: "bits", title: "Bits" },
  { key: "predicted", title: "Size, predicted" },
  { key: "kl", title: "KL, nats a token" },
  { key: "random", title: "KL of random plans / its KL" },
  { key: "starts", title: "KL of exact solvers / its KL" },
  { key: "top", title: "Same top token" },
  { key: "ratio", title: "Perplexity, to the unquantized" },
  { key: "found", title: "Size in files" },
  { key: "serving", title: "vLLM" },
  { key: "answers", title: "Answers as the unquantized" },
] as const;
export type ColumnKey = (typeof COLUMNS)[number]["key"];

/** Columns that say something of some scheme: goals, searches and answers are not in every model's table. */
export function columnsOf({ schemes }: Pick<SchemesOverview, "schemes">): readonly {
  readonly key: ColumnKey;
  readonly title: string;
}[] {
  const empty = new Set<ColumnKey>();
  if (schemes.every((shown) => goalStateOf(shown) === null)) empty.add("goal");
  if (schemes.every(({ quality }) => quality?.search === undefined)) empty.add("starts");
  if (schemes.every(({ evaluation }) => evaluation === null)) empty.add("answers");
  return COLUMNS.filter(({ key }) => !empty.has(key));
}

/** The unquantized model of each data, then the schemes as declared, then uniform plans that were measured beside them. */
export function tableRows(overview: SchemesOverview): readonly TableRow[] {
  const several = basesOf(overview).length > 1;
  const baselines = baselineRows(overview).map((row) => ({ kind: row.kind, row }));
  const of = (wanted: BaselineRow["kind"]): readonly TableRow[] =>
    baselines.filter(({ kind }) => kind === wanted).map(({ row }) => baselineRow(row, several));
  return [...of("unquantized"), ...overview.schemes.map(schemeRow), ...of("uniform")];
}

const NOTHING: TableCell = { text: "–", value: null, below: null };

const cell = (
  text: string,
  value: number | null = null,
  below: string | null = null,
): TableCell => ({
  text,
  value,
  below,
});

const figureCell = (figure: Figure, write: (value: number) => string): TableCell =>
  cell(write(figure.value), figure.value, `${write(figure.low)} to ${write(figure.high)}`);

function schemeRow(shown: ShownScheme): TableRow {
  const { name, scheme, quality } = shown;
  return {
    kind: "scheme",
    name,
    scope: shown.asked.scope,
    word: schemeWord(shown),
    asked: askedText(shown),
    cells: {
      goal: goalCell(shown),
      bits: scheme === null ? NOTHING : cell(sizeText(scheme.achieved.bits), scheme.achieved.bits),
      predicted:
        scheme === null ? NOTHING : cell(byteText(scheme.achieved.bytes), scheme.achieved.bytes),
      found: cell(foundText(shown), foundBytes(shown)),
      kl: quality === null ? NOTHING : figureCell(quality.figures.kl, smallText),
      top: quality === null ? NOTHING : figureCell(quality.figures.top1_agreement, percentText),
      ratio:
        quality === null
          ? NOTHING
          : ratioCell(quality.figures.perplexity, quality.reference.perplexity),
      random: randomCell(shown),
      starts: startsCell(quality),
      answers: answersCell(shown),
      serving: cell(servingText(shown)),
    },
  };
}

const foundBytes = ({ exports }: ShownScheme): number | null =>
  exports.reduce<number | null>(
    (most, { check }) => (check === null ? most : Math.max(most ?? 0, check.weightBytes)),
    null,
  );

function goalCell(shown: ShownScheme): TableCell {
  const state = goalStateOf(shown);
  return state === null
    ? NOTHING
    : cell(state.text, state.met === null ? null : Number(state.met), goalWords(state));
}

/** The solver that comes nearest decides the order; a multiple above 1 says that measuring gained. */
function startsCell(quality: SchemeQuality | null): TableCell {
  const starts = quality?.search?.starts ?? [];
  if (starts.length === 0) return NOTHING;
  const texts = starts.map(({ plan, factor }) => `${plan} ${intervalText(factor)}`);
  return cell(texts.join("; "), Math.min(...starts.map(({ factor }) => factor.value)));
}

function answersCell(shown: ShownScheme): TableCell {
  const { evaluation } = shown;
  if (evaluation === null) return NOTHING;
  const same = sameAnswers(evaluation.answers);
  const below = isOfPlan(evaluation, shown) ? null : EARLIER;
  return cell(`${same} of ${evaluation.answers.length}`, same, below);
}

function randomCell(shown: ShownScheme): TableCell {
  if (!isMeasured(shown) || shown.quality.verdict === null) return NOTHING;
  return figureCell(shown.quality.verdict.factor, timesText);
}

/** The quotient of two perplexities of the same text, with the perplexity itself below. */
function ratioCell(perplexity: Figure, reference: Figure): TableCell {
  const ratio = perplexityRatio(perplexity, reference);
  return cell(ratioText(ratio), ratio, perplexityText(perplexity.value));
}

function baselineRow(row: BaselineRow, several: boolean): TableRow {
  const { kind, name, basis, bits, bytes, figures, perplexity } = row;
  const isWhole = kind === "unquantized";
  return {
    kind,
    scope: basis.scope,
    name: several ? `${name}, ${dataName(basis)}` : name,
    word: isWhole ? "the model itself" : "control",
    asked: isWhole ? "the checkpoint as it is" : "one format everywhere, as far as shapes allow it",
    cells: {
      goal: NOTHING,
      starts: NOTHING,
      answers: NOTHING,
      bits: bits === null ? NOTHING : cell(sizeText(bits), bits),
      predicted: NOTHING,
      found: bytes === null ? NOTHING : cell(byteText(bytes), bytes),
      kl: figures === null ? cell("0", 0, "by definition") : figureCell(figures.kl, smallText),
      top:
        figures === null
          ? cell(percentText(1), 1, "by definition")
          : figureCell(figures.top1_agreement, percentText),
      ratio: ratioCell(perplexity, basis.reference.perplexity),
      random: NOTHING,
      serving: NOTHING,
    },
  };
}

/** What was fed, in a few words. */
export const dataName = ({ scope, held_out }: Pick<Basis, "scope" | "held_out">): string =>
  `${scope === "lm" ? "captions" : "images with captions"} (${held_out.part}: ${held_out.samples} samples, ${held_out.tokens} tokens)`;
