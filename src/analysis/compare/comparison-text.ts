import { printExponential, printFixed } from "../text/printf.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import type { Comparison } from "./compare.ts";
import { markdownText } from "../text/markdown.ts";
import { evenTable } from "../text/markdown-table.ts";
import type { Flips } from "./flips.ts";

/** A comparison as Markdown that also reads well in a terminal. */
export function comparisonText(comparison: Comparison): string {
  const { a, b, same } = comparison;
  const blocks = [
    "# Two analyses compared",
    `A: ${markdownText(a)}  \nB: ${markdownText(b)}`,
    ...(same
      ? ["They are the same: every score and every setting, and so is every plan that follows."]
      : [
          findings(comparison)
            .map((finding) => `- ${finding}`)
            .join("\n"),
          ...detailBlocks(comparison, "##"),
        ]),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** What there is to say, one sentence each. */
export function findings(comparison: Comparison): readonly string[] {
  const { layers, zeros, top, comparability, magnitudes, flips, decisions, results } = comparison;
  const alone = [
    ...(layers.only_a > 0 ? [`${layers.only_a} only in A`] : []),
    ...(layers.only_b > 0 ? [`${layers.only_b} only in B`] : []),
  ].join(", ");
  return [
    `${layers.both} layers are measured in both${alone === "" ? "" : ` (${alone})`}.`,
    ...(["a", "b"] as const).flatMap((side) =>
      zeros[side] === 0
        ? []
        : [
            `${zeros[side]} of them score exactly 0 in ${side.toUpperCase()}: the data may never have reached them, which says nothing of how sensitive they are.`,
          ],
    ),
    ...(layers.both === 0 ? [] : [orderFinding(comparison)]),
    ...(top.length === 0
      ? []
      : [
          `Most sensitive in both: ${top.map(({ k, shared }) => `${shared} of the first ${k}`).join(", ")}.`,
        ]),
    magnitudes === null
      ? `Scores are not compared, only places and shares: ${markdownText(comparability.refused.join("; "))}.`
      : `Summed scores: ${printExponential(magnitudes.total_a, 3)} in A, ${printExponential(magnitudes.total_b, 3)} in B${ratio(magnitudes.total_a, magnitudes.total_b)}.${
          comparability.unrecorded.length === 0
            ? ""
            : ` Taken on trust, as it is not recorded: ${markdownText(comparability.unrecorded.join(", "))}.`
        }`,
    ...(decisions.length === 0
      ? []
      : [
          `${new Set(decisions.map(({ layer }) => layer)).size} layers have other candidates, charged bits or weights, so plans may differ where scores do not.`,
        ]),
    ...(results.length === 0 || magnitudesDiffer(comparison)
      ? []
      : ["Every score is the same, but what is recorded of the search or the layers is not."]),
    ...flips.map(flipFinding),
  ];
}

const orderFinding = ({ layers, ranks }: Comparison): string =>
  `Order: Spearman ${figure(ranks.spearman)}, Kendall tau-b ${figure(ranks.kendall)}${layers.both < 10 ? "; so few layers tell little" : ""}.`;

function flipFinding({ budgets, a, b, layers }: Flips): string {
  const same = budgets.a === budgets.b;
  const at = same
    ? `At ${bits(budgets.a)} bits`
    : `At their own budgets (${bits(budgets.a)} and ${bits(budgets.b)} bits)`;
  const missed = [...(a.satisfied ? [] : ["A"]), ...(b.satisfied ? [] : ["B"])];
  return `${at}, ${layers.length} of ${a.layers} layers are chosen otherwise: ${a.quantized} are quantized in A, ${b.quantized} in B${missed.length === 0 ? "" : ` (${missed.join(" and ")} cannot meet it)`}.`;
}

/** The tables; those with nothing in them are left out. */
export function detailBlocks(comparison: Comparison, heading: string): readonly string[] {
  const { settings, decisions, results, moved, shares, magnitudes, flips } = comparison;
  const section = (title: string, table: string | null): readonly string[] =>
    table === null ? [] : [`${heading} ${title}`, table];
  return [
    ...section(
      "Settings that differ",
      evenTable(
        ["Setting", "A", "B"],
        settings.map(({ field, a, b }) => [field, a ?? "none", b ?? "none"]),
      ),
    ),
    ...section(
      "Candidates and weights that differ",
      firstRows(["Layers", "What", "A", "B"], alike(decisions)),
    ),
    ...section(
      "Other results that differ",
      magnitudesDiffer(comparison)
        ? null
        : firstRows(
            ["Result", "A", "B"],
            results.map(({ field, a, b }) => [field, a ?? "none", b ?? "none"]),
          ),
    ),
    ...section(
      "Layers that move most (place 1 is the most sensitive)",
      evenTable(
        ["Layer", "Place in A", "Place in B"],
        moved.map(({ layer, a, b }) => [layer, String(a), String(b)]),
      ),
    ),
    ...section(
      "Layers whose share of the summed score differs most",
      evenTable(
        ["Layer", "A", "B"],
        shares.map(({ layer, a, b }) => [layer, percent(a), percent(b)]),
      ),
    ),
    ...section(
      "Scores that differ most",
      evenTable(
        ["Layer", "A", "B", "B / A"],
        (magnitudes?.layers ?? []).map(({ layer, a, b }) => [
          layer,
          printExponential(a, 3),
          printExponential(b, 3),
          a === 0 ? "" : printFixed(b / a, 2),
        ]),
      ),
    ),
    ...flips.flatMap((one) => flipBlocks(one, heading)),
  ];
}

/** Of a list that would fill pages, the first; the sentence has the count. */
const ROWS_SHOWN = 12;

function firstRows(titles: readonly string[], rows: readonly (readonly string[])[]): string | null {
  const shown = evenTable(titles, rows.slice(0, ROWS_SHOWN));
  const more = rows.length - ROWS_SHOWN;
  return shown !== null && more > 0 ? `${shown}\n\nAnd ${more} more.` : shown;
}

/** Layers with the same difference in one row. */
function alike(decisions: Comparison["decisions"]): readonly (readonly string[])[] {
  const rows = new Map<string, { row: readonly string[]; layers: readonly string[] }>();
  for (const { layer, what, a, b } of decisions) {
    const row = [what, a, b];
    const key = row.join("\n");
    rows.set(key, { row, layers: [...(rows.get(key)?.layers ?? []), layer] });
  }
  return [...rows.values()].map(({ row, layers }) => {
    const [first = ""] = layers;
    return [layers.length === 1 ? first : `${layers.length} layers, the first is ${first}`, ...row];
  });
}

/** Then other results differ in any case, and what a search found follows from the scores. */
const magnitudesDiffer = ({ moved, shares, magnitudes, layers }: Comparison): boolean =>
  layers.only_a + layers.only_b + moved.length + shares.length > 0 ||
  (magnitudes !== null && magnitudes.layers.length > 0);

function flipBlocks({ budgets, layers }: Flips, heading: string): readonly string[] {
  const rows = layers.map(({ layer, a, b }) => [layer, chosen(a), chosen(b)]);
  const shown = firstRows(["Layer", "A", "B"], rows);
  if (shown === null) return [];
  const at = budgets.a === budgets.b ? `at ${bits(budgets.a)} bits` : "each at its own budget";
  return [`${heading} Chosen otherwise ${at}`, shown];
}

/** Search results call it NONE. */
const chosen = (format: string): string => (format === UNQUANTIZED ? "16 bits" : format);

export const figure = (value: number | null): string =>
  value === null ? "undefined (one side is all ties)" : printFixed(value, 3);

export const bits = (value: number): string => String(Number(value.toFixed(2)));

const percent = (share: number): string => `${printFixed(100 * share, 2)} %`;

const ratio = (a: number, b: number): string =>
  a === 0 ? "" : `, ${printFixed(b / a, 2)} times as much`;
