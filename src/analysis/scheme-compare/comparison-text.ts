import { UNQUANTIZED } from "../formats/label.ts";
import { byteText, sizeText, smallText } from "../quality-report/figure-text.ts";
import { counted } from "../quality-report/runs.ts";
import { evenTable } from "../text/markdown-table.ts";
import { markdownText } from "../text/markdown.ts";
import type { DifferingSize, SchemeComparison } from "./compare-schemes.ts";

/** Layers that are listed by default. */
export const LAYERS_SHOWN = 20;

/** A comparison of two schemes as Markdown that also reads well in a terminal. */
export function schemeComparisonText(comparison: SchemeComparison, most = LAYERS_SHOWN): string {
  const { a, b, same } = comparison;
  const blocks = [
    "# Two schemes compared",
    `A: ${markdownText(a)}  \nB: ${markdownText(b)}`,
    ...(same
      ? ["They are the same: every setting, every size, and the format of every layer."]
      : [
          findings(comparison)
            .map((finding) => `- ${finding}`)
            .join("\n"),
          ...tables(comparison, most),
        ]),
  ];
  return `${blocks.join("\n\n")}\n`;
}

/** What there is to say, one sentence each. */
function findings({ layers, formats, sizes, settings }: SchemeComparison): readonly string[] {
  const { both, flipped, only_a: onlyA, only_b: onlyB } = layers;
  const alone = [
    ...(onlyA.length === 0 ? [] : [`${onlyA.length} only in A`]),
    ...(onlyB.length === 0 ? [] : [`${onlyB.length} only in B`]),
  ].join(", ");
  const quantized = (side: "a" | "b"): number =>
    formats.reduce((sum, of) => sum + (of.format === UNQUANTIZED ? 0 : of[side]), 0);
  return [
    `${counted(both, "layer")} in both${alone === "" ? "" : ` (${alone})`}: ${quantized("a")} are quantized in A, ${quantized("b")} in B.`,
    flipped === 0
      ? "Every layer of both has the same format."
      : `${counted(flipped, "layer")} of ${both} ${flipped === 1 ? "has" : "have"} another format.`,
    ...sizes
      .filter(({ what }) => what.startsWith("all tensors, the larger"))
      .map(({ a, b }) => bytesFinding(a ?? 0, b ?? 0)),
    ...(settings.length === 0 ? ["No setting differs."] : []),
  ];
}

function bytesFinding(a: number, b: number): string {
  const share = ((100 * Math.abs(b - a)) / Math.max(a, 1)).toFixed(1);
  return `B is ${byteText(Math.abs(b - a))} ${b < a ? "smaller" : "larger"} than A (${share} %).`;
}

function tables(comparison: SchemeComparison, most: number): readonly string[] {
  const { settings, sizes, formats, layers, dropped } = comparison;
  const shown = layers.flips.slice(0, most);
  const more = layers.flips.length - shown.length;
  const left = (["a", "b"] as const).flatMap((side) =>
    dropped[side].map(({ group, candidate, because }) => [
      side.toUpperCase(),
      group,
      candidate,
      because,
    ]),
  );
  const section = (title: string, table: string | null): readonly string[] =>
    table === null ? [] : [`## ${title}`, table];
  return [
    ...section(
      "Settings that differ",
      evenTable(
        ["Setting", "A", "B"],
        settings.map(({ setting, a, b }) => [setting, a, b]),
      ),
    ),
    ...section(
      "Sizes that differ",
      evenTable(
        ["Size", "A", "B"],
        sizes.map(({ what, unit, a, b }) => [what, valueText(a, unit), valueText(b, unit)]),
      ),
    ),
    ...section(
      "Layers by format",
      evenTable(
        ["Format", "A", "B"],
        formats.map(({ format, a, b }) => [formatText(format), String(a), String(b)]),
      ),
    ),
    ...section(
      "Layers with another format",
      evenTable(
        ["Layer", "Modules", "A", "B"],
        shown.map(({ layer, modules, a, b }) => [
          layer,
          String(modules),
          formatText(a),
          formatText(b),
        ]),
      ),
    ),
    ...(more > 0 ? [`And ${more} more.`] : []),
    ...section(
      "Left out of one of them",
      evenTable(["Side", "Layer", "Candidate", "Because"], left.slice(0, most)),
    ),
    ...(left.length > most ? [`And ${left.length - most} more.`] : []),
  ];
}

/** Documents call it NONE. */
const formatText = (format: string): string => (format === UNQUANTIZED ? "16 bits" : format);

function valueText(value: number | null, unit: DifferingSize["unit"]): string {
  if (value === null) return "none";
  if (unit === "bits") return sizeText(value);
  if (unit === "score") return smallText(value);
  return unit === "groups" ? String(value) : `${value} bytes`;
}
