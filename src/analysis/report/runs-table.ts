import { weightsOf } from "../groups/layer-group.ts";
import { markdownCode, markdownLink, markdownText } from "../text/markdown.ts";
import { table } from "../text/markdown-table.ts";
import type { Manifest } from "../manifest/manifest.ts";
import { isPyObject, numericValue, type PyJson } from "../python-json/value.ts";
import { costText, measuredText, type Measurement } from "./measurement.ts";
import { printExponential, printFixed } from "../text/printf.ts";
import { scopeTables } from "../text/scope-tables.ts";
import { sensitivityRows } from "./sensitivity-rows.ts";

/** A run as a table of runs names it. */
export interface TableRun {
  readonly pair: string;
  readonly granularity: string;
  readonly scope: string;
  readonly size: string;
  /** Where its report is, relative to the document. */
  readonly link: string;
  /** Null while it is not measured. */
  readonly manifest: Manifest | null;
  /** Null where it is not recorded, as of published results of others. */
  readonly measurement: Measurement | null;
}

const BITS = "Bits are per weight of all layer groups";
const bitsOf = (scope: string): string =>
  scope === "lm" ? `${BITS}; those of the vision tower keep 16.` : `${BITS}.`;

/** One row a run that is measured, in the order given, a table a scope. Empty when none is. */
export function runsTable(runs: readonly TableRun[]): string {
  const measured = runs.filter(({ manifest }) => manifest !== null);
  const several = new Set(runs.map(({ granularity }) => granularity)).size > 1;
  const titles = [
    "Run",
    ...(several ? ["Granularity"] : []),
    "Scope",
    "Data",
    "Bits",
    "Size",
    "Score",
    "Most sensitive layers",
    "Cost",
    "Measured",
  ];
  const row = ({
    pair,
    granularity,
    scope,
    size,
    link,
    manifest,
    measurement,
  }: TableRun): readonly (readonly string[])[] =>
    manifest === null
      ? []
      : [
          [
            markdownLink(`${pair} ${size}`, link),
            ...(several ? [markdownText(granularity)] : []),
            markdownText(scope),
            dataCell(manifest),
            bitsCell(manifest),
            sizeCell(manifest),
            printExponential(manifest.search.score, 3),
            mostSensitive(manifest, 3).join(", "),
            ...measuredCells([measurement]),
          ],
        ];
  return scopeTables(measured, (some) => table(titles, some.flatMap(row)), bitsOf);
}

/** One row a pair, a table a scope: how many of its runs are measured, and figures of the last one. */
export function pairsTable(runs: readonly TableRun[], linkOf: (pair: string) => string): string {
  const titles = ["Pair", "Runs", "Of these", "Bits", "Size", "Most sensitive layer"];
  const rowsOf = (some: readonly TableRun[]): readonly (readonly string[])[] =>
    [...new Set(some.map(({ pair }) => pair))].flatMap((pair) => {
      const row = pairRow(
        some.filter((run) => run.pair === pair),
        linkOf(pair),
      );
      return row === null ? [] : [row];
    });
  return scopeTables(runs, (some) => table([...titles, "Cost", "Measured"], rowsOf(some)), bitsOf);
}

/** Null where none of the pair's runs is measured. */
function pairRow(own: readonly TableRun[], link: string): readonly string[] | null {
  const measured = own.filter(({ manifest }) => manifest !== null);
  const shown = measured.at(-1);
  const last = shown?.manifest ?? null;
  if (shown === undefined || last === null) return null;
  return [
    markdownLink(shown.pair, link),
    `${measured.length} of ${own.length}`,
    markdownLink(`${shown.scope} ${shown.size}`, shown.link),
    bitsCell(last),
    sizeCell(last),
    mostSensitive(last, 1).join(""),
    ...measuredCells(measured.map(({ measurement }) => measurement)),
  ];
}

/** What measuring took, and when and on what it was; "not recorded" where nothing of that is known. */
function measuredCells(measurements: readonly (Measurement | null)[]): readonly [string, string] {
  const known = measurements.filter((one) => one !== null);
  const cost = costText(known);
  const partly = known.length < measurements.length ? ` (of ${known.length})` : "";
  return [
    cost === "" ? "not recorded" : `${cost}${partly}`,
    markdownText(measuredText(known)) || "not recorded",
  ];
}

/** Layers by falling score, without the part of the name that all share. */
function mostSensitive(manifest: Manifest, count: number): readonly string[] {
  const highest = (candidates: readonly { readonly score: number }[]): number =>
    Math.max(...candidates.map(({ score }) => score));
  return sensitivityRows(manifest, "skip")
    .toSorted((a, b) => highest(b.candidates) - highest(a.candidates))
    .slice(0, count)
    .map(({ layer }) => markdownCode(layer.replace(/^(?:model\.)?(?:language_model\.)?/, "")));
}

/** Calibration data and how many of its samples were used. */
function dataCell({ json, measured }: Manifest): string {
  const dataset = json.get("dataset");
  if (!isPyObject(dataset)) return "not recorded";
  const text = (value: PyJson | undefined): string => (typeof value === "string" ? value : "");
  const calibrated = numericValue(dataset.get("num_calib_samples"));
  const [all, scored] = [calibrated ?? measured?.samples, measured?.samples];
  const fewer = scored === undefined || scored === all ? "" : `, ${scored} scored`;
  const samples = all === undefined ? "" : `, ${all} samples${fewer}`;
  const name = `${text(dataset.get("name"))} ${text(dataset.get("size"))}`;
  return markdownText(`${name}${samples}`.trim());
}

const bitsCell = ({ search, budgetBits }: Manifest): string =>
  `${printFixed(search.effectiveBits, 2)} of ${printFixed(budgetBits, 2)}${search.satisfied ? "" : " (not met)"}`;

/** Of all weights together at the bits that were achieved; 1 GB is 10^9 bytes. */
function sizeCell({ layers, search }: Manifest): string {
  const weights = layers.reduce((sum, { candidates }) => sum + weightsOf(candidates), 0);
  const bytes = (weights * search.effectiveBits) / 8;
  return bytes < 1e8 ? `${printFixed(bytes / 1e6, 2)} MB` : `${printFixed(bytes / 1e9, 2)} GB`;
}
