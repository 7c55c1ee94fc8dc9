import { describe, expect, it } from "vitest";
import { buildManifest } from "../../src/analysis/manifest/build-manifest.ts";
import type { DatasetInfo } from "../../src/analysis/manifest/dataset-info.ts";
import type { Manifest } from "../../src/analysis/manifest/manifest.ts";
import { run as manifestOp } from "../../rules/ops/manifest.ts";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import { writePythonJson } from "../../src/analysis/python-json/write.ts";
import { readScores } from "../../src/analysis/scores/read-scores.ts";
import { expectFailure, expectValue, scoresText, smallFigures } from "./figures.ts";

const captions: DatasetInfo = {
  name: "captions",
  size: "small",
  root: "datasets/calib",
  source: { kind: "captions", path: "datasets/calib/captions.txt" },
  maxCalibSamples: 128,
};

function build(dataset: DatasetInfo = captions, scores = scoresText(smallFigures)): Manifest {
  return expectValue(
    buildManifest({
      scores: expectValue(readScores(scores)),
      scheme: { name: "small_scheme", effectiveBits: 12, scoreSize: 128 },
      modelId: "models/small",
      dataset,
    }),
  );
}

/** The small manifest with another text in one place. */
function edited(from: string | RegExp, to: string): string {
  const text = writePythonJson(build().json);
  expect(text).toMatch(from);
  return text.replace(from, to);
}

describe("reading a manifest", () => {
  it.each<[string, string, string, string]>([
    [
      "a layer twice",
      '"layer_sensitivity": {',
      '"layer_sensitivity": {\n"layers.0.mlp.quant_recipe": 1,',
      "is there twice",
    ],
    [
      "a layer by two spellings",
      '"layers.0.mlp.quant_recipe": {\n      "formats"',
      '"visual.proj": {\n      "formats"',
      "is there twice, by two spellings",
    ],
    [
      "two formats of which one has layers",
      '"FP8_DEFAULT_CFG"\n',
      '"FP8_DEFAULT_CFG", "INT8_DEFAULT_CFG"\n',
      "but the layers choose among FP8_DEFAULT_CFG",
    ],
    [
      "a format twice",
      '"FP8_DEFAULT_CFG"\n',
      '"FP8_DEFAULT_CFG", "FP8_DEFAULT_CFG"\n',
      "lists a format twice",
    ],
  ])("refuses %s", (_what, from, to, said) => {
    expect(expectFailure(readManifest(edited(from, to))).message).toContain(said);
  });

  it("reads one with a byte order mark", () => {
    const text = writePythonJson(build().json);
    expect(expectValue(readManifest(`\ufeff${text}`)).layers).toEqual(build().layers);
  });
});

describe("the manifest's op", () => {
  it("fails where the budget cannot be met, with what is missing and what to ask for", () => {
    const given = (bits: number) => {
      const text = (): string => scoresText(smallFigures);
      const scores = { path: "scores.json", text };
      const params = {
        scheme: "small",
        effective_bits: bits,
        score_size: 128,
        model_id: "m",
        loss: null,
        quantizers: { weight: { num_bits: 8 }, input: null },
        dataset: {
          name: "d",
          size: "small",
          root: "r",
          captions_path: "c",
          vlm_calib_db: null,
          max_calib_samples: 16,
        },
      };
      return manifestOp({ params, inputs: { scores } } as never);
    };
    expect(given(12).ok).toBe(true);
    const failed = given(4);
    expect(failed).toMatchObject({ ok: false, error: { reason: "gate_failed" } });
    const { message, nextStep = "" } = failed.ok ? { message: "" } : failed.error;
    expect(message).toContain("a budget of 4 bits cannot be met");
    expect(nextStep).toContain("effective_bits");
  });
});

describe("building a manifest", () => {
  it("lays it out as published, with additions under one last key", () => {
    expect(writePythonJson(build().json)).toMatchInlineSnapshot(`
      "{
        "scheme": {
          "name": "small_scheme",
          "auto_quantize_bits": 12.801,
          "auto_quantize_method": "gradient",
          "auto_quantize_score_size": 128,
          "coverage_mode": "lm_only",
          "coverage_fraction": 1.0,
          "quant_formats": [
            "FP8_DEFAULT_CFG"
          ]
        },
        "model": {
          "id": "models/small"
        },
        "num_quantized_layers": 3,
        "layers": {
          "visual.proj": {
            "quantized": true,
            "module_type": "QuantLinear"
          },
          "layers.0.mlp": {
            "quantized": true,
            "module_type": "QuantLinear"
          },
          "layers.1.mlp": {
            "quantized": true,
            "module_type": "QuantLinear"
          }
        },
        "autoquant_state": {
          "keys": [
            "candidate_stats",
            "best",
            "constraints"
          ],
          "constraints": {
            "effective_bits": 12.8
          },
          "score": 0.25,
          "is_satisfied": true
        },
        "layer_sensitivity": {
          "visual.proj.quant_recipe": {
            "formats": [
              "NONE(effective-bits: 16.0)"
            ],
            "scores": [
              0.0
            ],
            "costs": [
              100.0
            ],
            "importance": 0.0,
            "rank": 1
          },
          "layers.0.mlp.quant_recipe": {
            "formats": [
              "FP8_DEFAULT_CFG(effective-bits: 8.0)",
              "NONE(effective-bits: 16.0)"
            ],
            "scores": [
              0.5,
              0.0
            ],
            "costs": [
              100.0,
              200.0
            ],
            "importance": 0.5,
            "rank": 3
          },
          "layers.1.mlp.quant_recipe": {
            "formats": [
              "FP8_DEFAULT_CFG(effective-bits: 8.0)",
              "NONE(effective-bits: 16.0)"
            ],
            "scores": [
              0.25,
              0.0
            ],
            "costs": [
              100.0,
              200.0
            ],
            "importance": 0.25,
            "rank": 2
          }
        },
        "sensitivity_ranking": [
          {
            "name": "visual.proj.quant_recipe",
            "importance": 0.0
          },
          {
            "name": "layers.1.mlp.quant_recipe",
            "importance": 0.25
          },
          {
            "name": "layers.0.mlp.quant_recipe",
            "importance": 0.5
          }
        ],
        "dataset": {
          "name": "captions",
          "size": "small",
          "root": "datasets/calib",
          "captions_path": "datasets/calib/captions.txt",
          "max_calib_samples": 128,
          "num_calib_samples": 128,
          "calib_seq_len": 512,
          "batch_size": 8,
          "num_calib_batches": 16
        },
        "aqm": {
          "schema": 1,
          "scope": "lm",
          "method": "gradient",
          "raw_scores": {
            "samples": 128,
            "batches": 16,
            "tokens": 2000
          },
          "environment": {
            "python": "3.12.1",
            "torch": "2.9.1"
          },
          "budget": {
            "requested": 12.0,
            "adjusted": 12.801,
            "achieved": 12.8,
            "slack": 0.0009999999999994458,
            "minimum": 9.6,
            "satisfied": true
          },
          "bit_plan": [
            {
              "handle": "visual.proj.quant_recipe",
              "format": "NONE",
              "bits": 16.0
            },
            {
              "handle": "layers.0.mlp.quant_recipe",
              "format": "NONE",
              "bits": 16.0
            },
            {
              "handle": "layers.1.mlp.quant_recipe",
              "format": "FP8_DEFAULT_CFG",
              "bits": 8.0
            }
          ]
        }
      }"
    `);
  });

  it("says what the format really costs, under that key", () => {
    const manifest = expectValue(
      buildManifest({
        scores: expectValue(readScores(scoresText(smallFigures))),
        scheme: { name: "small_scheme", effectiveBits: 12, scoreSize: 128 },
        modelId: "models/small",
        dataset: captions,
        quantizers: { weight: { num_bits: 8, axis: 0 }, input: { num_bits: 4, axis: null } },
      }),
    );
    const extras = JSON.parse(writePythonJson(manifest.json)) as { aqm: { format: unknown } };
    expect(extras.aqm.format).toEqual({
      charged_bits: 4,
      weight_number: "int8",
      weight_scale_for_each: "row",
      weight_bits: 8,
      scale_bits: { per_weight: 0, per_row: 32, per_column: 0, per_tensor: 0 },
      activation_bits: 4,
    });
    const without = new Map(build().json);
    for (const [key, value] of without)
      if (key !== "aqm") expect(manifest.json.get(key)).toEqual(value);
  });

  it("is read back as it was built", () => {
    const built = build();
    expect(expectValue(readManifest(writePythonJson(built.json)))).toEqual(built);
    expect(built.measured).toEqual({ samples: 128, batches: 16, tokens: 2000 });
  });

  it("names a calibration database, and drops what is not known", () => {
    const dataset = build({
      ...captions,
      root: null,
      source: { kind: "vlm_calib_db", path: "calib.db" },
      maxCalibSamples: null,
    }).json.get("dataset");
    expect([...(dataset as ReadonlyMap<string, unknown>).keys()]).toEqual([
      "name",
      "size",
      "vlm_calib_db",
      "num_calib_samples",
      "calib_seq_len",
      "batch_size",
      "num_calib_batches",
    ]);
  });

  it("keeps the request as the budget when no layer is kept at 16 bits", () => {
    const figures = { ...smallFigures, scope: "all_layers" as const, scores: [0.5, 0.5, 0.25] };
    const manifest = build(captions, scoresText(figures));
    expect(manifest.budgetBits).toBe(12);
    expect(writePythonJson(manifest.json)).toContain('"coverage_mode": "full"');
  });

  it("ranks equals in module order", () => {
    const figures = { ...smallFigures, scores: [0.5, 0.25, 0.5] };
    const text = writePythonJson(build(captions, scoresText(figures)).json);
    const ranking = /"sensitivity_ranking": \[[^\]]*\]/.exec(text)?.[0] ?? "";
    expect(
      [...ranking.matchAll(/"name": "([^"]+)\.quant_recipe"/g)].map(([, name]) => name),
    ).toEqual(["layers.0.mlp", "visual.proj", "layers.1.mlp"]);
  });
});

describe("reading a manifest", () => {
  const text = writePythonJson(build().json);

  it.each([
    ["no scheme", text.replace('"scheme"', '"schema"'), "wrong_structure", "scheme"],
    [
      "NaN",
      text.replace("        0.25", "        NaN"),
      "non_finite_number",
      "layer_sensitivity.layers.1.mlp.quant_recipe.scores[0]",
    ],
    [
      "a format without bits",
      text.replace("CFG(effective-bits: 8.0)", "CFG"),
      "unreadable_format",
      "layers.0.mlp.quant_recipe",
    ],
    [
      "lists of unequal length",
      text.replace("        0.25,", ""),
      "wrong_structure",
      "layer_sensitivity.layers.1.mlp.quant_recipe",
    ],
    ["no JSON", text.slice(1), "not_json", "line 2"],
  ])("refuses %s", (_, source, reason, where) => {
    expect(expectFailure(readManifest(source))).toMatchObject({ reason, where });
  });

  it("reads manifests without a model, and with additions of a later schema", () => {
    const later = text.replace('"aqm": {\n    "schema": 1', '"aqm": {\n    "schema": 2');
    expect(expectValue(readManifest(later)).measured).toBeUndefined();
    const old = text.replace(/ {2}"model": \{[^}]*\},\n/, "");
    expect(expectValue(readManifest(old)).modelId).toBeUndefined();
  });
});
