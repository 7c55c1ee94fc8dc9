import type { Manifest } from "../manifest/manifest.ts";
import { UNQUANTIZED } from "../formats/label.ts";
import { isPyObject, numericValue } from "../python-json/value.ts";
import { meaningOf, type ScoreMeaning } from "../scores/engines.ts";
import type { SensitivityRow } from "./sensitivity-rows.ts";

/** The explanation above a sensitivity table: only what holds for this manifest. */
export function howToRead(
  { json, engine, method, measured, search, budgetBits }: Manifest,
  rows: readonly SensitivityRow[],
): string {
  const meaning = meaningOf(engine, method);
  const kept = rows.filter(({ candidates }) =>
    candidates.every(({ format }) => format === UNQUANTIZED),
  ).length;
  const zero = rows.filter(({ candidates }) =>
    candidates.every(({ format, score }) => format !== UNQUANTIZED && score === 0),
  ).length;
  return [
    "One row is one decision of the search: a group of layers that share a format (q, k and v; gate and up; most others alone), named after its first module. Rows run from the most to the least sensitive.",
    "",
    "- **Num Bits**: bits per weight that the search charges for the candidate format.",
    `- **Sensitivity**: ${sensitivity(meaning, measured)}`,
    "- **Size Cost**: weights x bits / 16, the group's size counted in fp16 weights.",
    `- **Effective bits**: the average bits per weight over all layers, that is all rows${kept === 0 ? "" : ", kept ones at 16 bits. What a run asks for is the average over the layers that may be quantized"}${requestText(json, kept, budgetBits)}. Embeddings, norms and biases do not count.`,
    ...(kept === 0
      ? []
      : [
          `- ${kept} of ${rows.length} rows are **kept at 16 bits**: they were no candidates for quantization in this run and were not measured. Their sensitivity of zero says nothing about them, but their size counts in the effective bits.`,
        ]),
    ...(zero === 0
      ? []
      : [
          `- ${zero} of ${rows.length} rows were measured **at exactly zero**. That usually means the data never reached the layer (images missing, for instance), not that it is robust.`,
        ]),
    ...(search.satisfied
      ? []
      : [
          "- **The bit budget could not be met**: even the smallest format everywhere needs the effective bits shown above. Ask for at least that many, or let more layers be quantized.",
        ]),
  ].join("\n");
}

/** What was asked for, where the manifest says it and it is not the same over all layers. */
function requestText(json: Manifest["json"], kept: number, budgetBits: number): string {
  const extras = json.get("aqm");
  const budget = isPyObject(extras) ? extras.get("budget") : undefined;
  const asked = isPyObject(budget) ? numericValue(budget.get("requested")) : undefined;
  return asked === undefined || kept === 0
    ? ""
    : `: ${asked} here, a budget of ${budgetBits.toFixed(3)} over all`;
}

function sensitivity(
  { says, metric, tokens, over }: ScoreMeaning,
  measured: Manifest["measured"],
): string {
  const data = basis(measured, tokens);
  const what =
    over === "sum"
      ? `summed over ${data}. Being a sum it grows with the data`
      : `over ${data}. Layers with large outputs score high even if little depends on them`;
  return `${says}: ${metric}, ${what}: compare rows of this report, not reports of different runs.`;
}

function basis(measured: Manifest["measured"], what: string): string {
  if (measured === undefined) return "the scored samples";
  const { samples, batches, tokens } = measured;
  return `${samples} samples (${batches} batches, ${tokens} ${what})`;
}
