import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readManifest } from "../../src/analysis/manifest/read-manifest.ts";
import { chooseScheme } from "../../src/analysis/schemes/choose-scheme.ts";
import { coverageJson } from "../../src/analysis/schemes/coverage.ts";
import { readScheme, schemeJson } from "../../src/analysis/schemes/scheme-document.ts";
import { topGroups } from "../../src/analysis/schemes/top-groups.ts";
import { expectFailure, expectValue } from "./figures.ts";
import { haveReferenceData, referenceDataTitle, referenceFolder } from "./reference-data.ts";
import { FOUR, request, schemeOf } from "./scheme-problems.ts";

describe("the document of a scheme", () => {
  it("is read as it was written", () => {
    const { problem, model } = schemeOf(FOUR, ["wint8_afp16"]);
    for (const choice of [
      { top_percent: 50 },
      { top_percent: 50, most_sensitive: true },
    ] as const) {
      const { scheme } = expectValue(chooseScheme(request(choice), problem, model));
      expect(expectValue(readScheme(schemeJson(scheme)))).toEqual(scheme);
    }
  });

  it("is refused where it is of another version, or names a field wrongly", () => {
    const { problem, model } = schemeOf(FOUR, ["wint8_afp16"]);
    const { scheme } = expectValue(chooseScheme(request({ bits: 9 }), problem, model));
    const text = schemeJson(scheme);
    const reasonOf = (changed: string) => expectFailure(readScheme(changed)).reason;
    expect(reasonOf(text.replace('"schema": 1', '"schema": 2'))).toBe("unsupported_schema");
    expect(reasonOf(text.replace('"quantized_groups"', '"quantised_groups"'))).toBe(
      "wrong_structure",
    );
    expect(reasonOf(text.slice(0, -9))).toBe("not_json");
  });
});

describe("the coverage manifest", () => {
  const coverage = {
    baselineFolder: "models/m/layer-analysis/a",
    baselineManifest: "models/m/layer-analysis/a/b.json",
    scheme: "s",
    percent: 100,
    selected: ["a"],
    others: [],
  };

  it("says which reading it is where that is not the original's", () => {
    expect(coverageJson({ ...coverage, ranking: "least sensitive first" })).not.toContain(
      "ranking",
    );
    expect(coverageJson({ ...coverage, ranking: "most sensitive first" })).toContain(
      '"dropped_layers": [],\n  "ranking": "most sensitive first"\n}',
    );
  });

  it.skipIf(!haveReferenceData)(`is the original's byte for byte: ${referenceDataTitle}`, () => {
    const folder = join(referenceFolder, "qwen2_5_vl_3b_all_layers_top10_int8_small");
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    const manifest = "fp8_autoquant_all_layers_fp8_quant_manifest.json";
    const { layers } = expectValue(readManifest(read(manifest)));
    const ranked = layers.map(({ name, candidates }) => ({
      name,
      importance: Math.max(...candidates.map(({ score }) => score)),
    }));
    const baselineFolder =
      "models/qwen2_5_vl_3b_instruct/quantized/fp8_autoquant_all_layers_fp8_coco2017";
    const { selected, others } = topGroups(ranked, 10, false);
    const made = coverageJson({
      baselineFolder,
      baselineManifest: `${baselineFolder}/layer-sensitivity/${manifest}`,
      scheme: "fp8_autoquant_all_layers_top10_coco2017",
      percent: 10,
      selected,
      others,
      ranking: "least sensitive first",
    });
    expect(made).toBe(read("fp8_autoquant_all_layers_top10_coco2017_coverage_from_baseline.json"));
  });
});
