import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import type { Manifest } from "../../src/analysis/manifest/manifest.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { jsonReport } from "../../src/analysis/report/json-report.ts";
import { markdownReport } from "../../src/analysis/report/markdown-report.ts";
import { printExponential, printFixed } from "../../src/analysis/text/printf.ts";
import { allFigures, expectValue, scoresText, smallFigures, type Figures } from "./figures.ts";
import { markdownFigures } from "./markdown-figures.ts";
import { python } from "./python.ts";

function manifestOf(figures: Figures, method = "gradient"): Manifest {
  return expectValue(
    buildManifest({
      scores: expectValue(readScores(scoresText(figures, { method }))),
      scheme: { name: figures.scheme, effectiveBits: 8, scoreSize: 128 },
      modelId: "models/it",
      dataset: {
        name: "captions",
        size: "medium",
        root: "datasets/calib",
        source: { kind: "captions", path: "datasets/calib/captions.txt" },
        maxCalibSamples: 512,
      },
    }),
  );
}

describe("numbers as Python prints them", () => {
  const formats = `
import json, sys
print(json.dumps([["%.1f" % x, "%.4f" % x, "%.3e" % x, "%.6e" % x] for x in json.load(sys.stdin)]))`;

  it("agree on ties and everywhere else", () => {
    const values = fc.sample(
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e20, max: 1e20 }),
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e-3, max: 1e-3 }),
        fc.integer({ min: 0, max: 10_000_000 }).map((value) => value * 5),
        fc.integer({ min: 0, max: 4096 }).map((value) => value / 64),
      ),
      { numRuns: 4000, seed: 3 },
    );
    const input = [...values, 4.25, 4.75, 0.05, 12345000, 99995, 9999.5, 0, 1e-300, 1e300 / 1e290];
    const printed = input.map((x) => [
      printFixed(x, 1),
      printFixed(x, 4),
      printExponential(x, 3),
      printExponential(x, 6),
    ]);
    expect(printed).toEqual(JSON.parse(python(formats, JSON.stringify(input))));
    expect(printFixed(4.25, 1)).toBe("4.2");
    expect(printExponential(12_345_000, 3)).toBe("1.234e+07");
  });
});

describe("reports of published figures", () => {
  const withTable = allFigures().filter((figures) => figures.table !== undefined);

  it.each(withTable)("print the published rows: $name", (figures) => {
    const skipped = figures.layers.length > (figures.table?.layer.length ?? 0);
    const noneRows = skipped ? ("skip" as const) : ("include" as const);
    const manifest = manifestOf(figures);
    const { layer = [], bits = [], sensitivity = [], cost = [] } = figures.table ?? {};
    const names = layer.map((index) => figures.layers[index]);
    const rows = names.map((name, row) => [name, bits[row], sensitivity[row], cost[row]]);
    expect(markdownFigures(markdownReport(manifest, { noneRows })).rows).toEqual(rows);

    const json = JSON.parse(jsonReport(manifest, { noneRows })) as {
      layer_sensitivity: { layer: string; sensitivity: number; size_cost: number }[];
    };
    expect(json.layer_sensitivity.map((row) => row.layer)).toEqual(names);
    expect(json.layer_sensitivity.map((row) => row.sensitivity)).toEqual(
      layer.map((index) => figures.scores[index] ?? 0),
    );
  });

  it("print the published totals", () => {
    const figures = withTable.find(({ name }) => name === "qwen3-lm-w8a4");
    if (figures === undefined) throw new Error("the figures are missing");
    expect(markdownFigures(markdownReport(manifestOf(figures)))).toMatchObject({
      title: "AutoQuant Layer Sensitivity (wint8_aint4_autoquant_lm)",
      header: [
        ["Scheme", "`wint8_aint4_autoquant_lm`"],
        ["Model", "`models/it`"],
        ["Name", "`captions`"],
        ["Size", "`medium`"],
        ["Captions path", "`datasets/calib/captions.txt`"],
        ["Root", "`datasets/calib`"],
        ["Calibration samples", "`128` / `512` (used / max)"],
        ["Calibration seq len", "`512`"],
        ["Batch size", "`8`"],
        ["Calibration batches", "`16`"],
        ["Effective bits (from search)", "`8.7304`"],
        ["Total AutoQuant score", "`1.537329e+02`"],
        ["Constraint satisfied", "`True`"],
      ],
      columns: ["Layer", "Num Bits", "Sensitivity", "Size Cost"],
    });
  });
});

describe("the Markdown report", () => {
  const small = manifestOf(smallFigures);

  it("reads as a whole", () => {
    expect(markdownReport(small)).toMatchInlineSnapshot(`
      "AutoQuant Layer Sensitivity (small)
      ===================================

      **Scheme:** \`small\`

      **Model:** \`models/it\`

      ## Dataset

      - **Name:** \`captions\`
      - **Size:** \`medium\`
      - **Captions path:** \`datasets/calib/captions.txt\`
      - **Root:** \`datasets/calib\`
      - **Calibration samples:** \`128\` / \`512\` (used / max)
      - **Calibration seq len:** \`512\`
      - **Batch size:** \`8\`
      - **Calibration batches:** \`16\`

      ## Search

      **Effective bits (from search):** \`9.6000\`

      **Total AutoQuant score:** \`7.500000e-01\`

      **Constraint satisfied:** \`True\`

      ## Per-layer sensitivity table

      One row is one decision of the search: a group of layers that share a format (q, k and v; gate and up; most others alone), named after its first module. Rows run from the most to the least sensitive.

      - **Num Bits**: bits per weight that the search charges for the candidate format.
      - **Sensitivity**: how much the loss is expected to suffer when only this group is quantized: the squared output error weighted with the squared loss gradient, summed over 128 samples (16 batches, 2000 tokens in the loss). Being a sum it grows with the data: compare rows of this report, not reports of different runs.
      - **Size Cost**: weights x bits / 16, the group's size counted in fp16 weights.
      - **Effective bits**: the average bits per weight over all layers, that is all rows, kept ones at 16 bits. What a run asks for is the average over the layers that may be quantized: 8 here, a budget of 9.601 over all. Embeddings, norms and biases do not count.
      - 1 of 3 rows are **kept at 16 bits**: they were no candidates for quantization in this run and were not measured. Their sensitivity of zero says nothing about them, but their size counts in the effective bits.

      |Layer|Num Bits|Sensitivity|Size Cost|
      | :--- | :--- | :--- | :--- |
      |layers.0.mlp|8.0|5.000e-01|1.000e+02|
      |layers.1.mlp|8.0|2.500e-01|1.000e+02|
      |visual.proj|16.0|0.000e+00|1.000e+02|
      "
    `);
  });

  it("leaves layers kept at 16 bits out when asked to", () => {
    const { rows } = markdownFigures(markdownReport(small, { noneRows: "skip" }));
    expect(rows.map(([layer]) => layer)).toEqual(["layers.0.mlp", "layers.1.mlp"]);
    expect(markdownReport(small, { noneRows: "skip" })).not.toContain("kept at 16 bits");
  });

  it("warns of measured zeros and of a budget that was not met", () => {
    const zero = manifestOf({ ...smallFigures, scores: [null, 0.5, 0] });
    expect(markdownReport(zero)).toContain("1 of 3 rows were measured **at exactly zero**");
    const unmet = { ...small, search: { ...small.search, satisfied: false } };
    expect(markdownReport(unmet)).toContain("**The bit budget could not be met**");
    expect(markdownReport(unmet)).toContain("**Constraint satisfied:** `False`");
    expect(markdownReport(small)).not.toContain("could not be met");
  });

  it("names the metric of the method", () => {
    expect(markdownReport(small)).toContain("squared output error");
    expect(markdownReport(manifestOf(smallFigures, "kl_div"))).toContain("KL divergence");
  });

  it("separates several candidates of a layer by commas, and sorts by the highest", () => {
    const candidate = { format: "INT4", bits: 4.5, score: 0.75, cost: 50 };
    const layers = small.layers.map((layer, index) =>
      index === 2 ? { ...layer, candidates: [candidate, ...layer.candidates] } : layer,
    );
    const { rows } = markdownFigures(markdownReport({ ...small, layers }));
    expect(rows[0]).toEqual([
      "layers.1.mlp",
      "4.5, 8.0",
      "7.500e-01, 2.500e-01",
      "5.000e+01, 1.000e+02",
    ]);
  });
});
